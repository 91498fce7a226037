package manager

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/sam"
)

const (
	// samPatience bounds the conversation that makes us an address: a router builds
	// tunnels first.
	samPatience = 3 * time.Minute
	// Pauses before the router is asked again grow by half.
	firstSAMPause, lastSAMPause = time.Second, 5 * time.Minute
	// maxI2PKey is more than a private key with its certificate has, in bytes.
	maxI2PKey = 4096
)

// keepI2P has peers of I2P connect to the listener that is for them, at an address that
// stays the same, as long as ctx lasts.
func (m *manager) keepI2P(ctx context.Context) error {
	router, ok := m.cfg.Networks.proxy(p2p.I2P)
	if !ok || !m.cfg.Networks.I2PBind.IsValid() {
		return nil
	}
	if at, err := netip.ParseAddrPort(router.Address); err != nil || !at.Addr().IsLoopback() {
		m.env.Logger.Warn(fmt.Sprintf("Peers of I2P cannot connect to us: the router at %s is on another machine, and would look for us there", router.Address))
		return nil
	}
	pause := firstSAMPause
	for ctx.Err() == nil {
		began := time.Now()
		err := m.serveI2P(ctx, router.Address)
		if ctx.Err() != nil {
			break
		}
		m.env.Logger.With("cat", "i2p").Debug(fmt.Sprintf("I2P: no session at %s (%v), retrying in %.0fs", router.Address, err, pause.Seconds()))
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-m.dialsI2P: // somebody counts on the router
		case <-ctx.Done():
		}
		timer.Stop()
		if pause = min(pause*3/2, lastSAMPause); time.Since(began) > lastSAMPause {
			pause = firstSAMPause
		}
	}
	return nil
}

// serveI2P makes the session and returns when it has ended.
func (m *manager) serveI2P(ctx context.Context, router string) error {
	m.env.Logger.With("cat", "i2p").Debug("Creating persistent I2P SAM session with " + router)
	control, err := m.reachRouter(ctx, router)
	if err != nil {
		return err
	}
	defer control.Close()
	stream, err := m.reachRouter(ctx, router)
	if err != nil {
		return err
	}
	defer stream.Close()
	stop := context.AfterFunc(ctx, func() { control.Close(); stream.Close() })
	defer stop()
	host, err := m.makeI2P(control, stream)
	if err != nil {
		return err
	}
	m.env.Logger.Info(fmt.Sprintf("I2P: SAM session, our address is %s", host))
	own := p2p.Endpoint{Host: host}
	m.mu.Lock()
	m.addOwn(own, ByUser)
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.removeOwn(host)
	}()
	return awaitEnd(control, stream)
}

// awaitEnd waits for either connection to end: a router says nothing on them.
func awaitEnd(control, stream net.Conn) error {
	ends := make(chan error, 2)
	for _, nc := range []net.Conn{control, stream} {
		go func() {
			_, err := io.Copy(io.Discard, nc)
			ends <- errors.Join(errors.New("the router has ended the session"), err)
		}()
	}
	err := <-ends
	control.Close()
	stream.Close()
	<-ends
	return err
}

func (m *manager) reachRouter(ctx context.Context, router string) (net.Conn, error) {
	nc, err := m.env.DialWithin(ctx, m.cfg.ConnectTimeout, "tcp", router)
	if err != nil {
		return nil, err
	}
	if err := nc.SetDeadline(time.Now().Add(samPatience)); err != nil {
		nc.Close()
		return nil, err
	}
	return nc, nil
}

// makeI2P makes the session by the key of earlier ones, and returns our address.
func (m *manager) makeI2P(control, stream net.Conn) (p2p.Host, error) {
	kept := m.i2p.held // the bytes of the private key, as in Bitcoin Core's file
	if m.i2p.err != nil {
		return p2p.Host{}, m.i2p.err
	}
	var name [10]byte
	// crypto/rand.Read never fails: it ends the process instead.
	_, _ = crand.Read(name[:])
	session := hex.EncodeToString(name[:])
	key, err := sam.CreateAs(control, session, sam.Base64.EncodeToString(kept))
	if err != nil {
		return p2p.Host{}, err
	}
	address, err := sam.Address(key)
	if err != nil {
		return p2p.Host{}, err
	}
	host, ok := p2p.ParseHost(address)
	raw, err := sam.Base64.DecodeString(key)
	if !ok || err != nil || len(raw) > maxI2PKey {
		return p2p.Host{}, fmt.Errorf("the router's key leads to no address: %q", address)
	}
	if !bytes.Equal(raw, kept) {
		if err := m.keepKey(&m.i2p, i2pFile, raw); err != nil {
			return p2p.Host{}, err
		}
	}
	if err := sam.Forward(stream, session, m.cfg.Networks.I2PBind.Port()); err != nil {
		return p2p.Host{}, err
	}
	return host, errors.Join(control.SetDeadline(time.Time{}), stream.SetDeadline(time.Time{}))
}

// expectI2P has the session be made at once, if it is not there.
func (m *manager) expectI2P(target string) {
	host, _, _ := p2p.SplitHostPort(target, 0)
	if h, ok := p2p.ParseHost(host); ok && h.Network() == p2p.I2P {
		select {
		case m.dialsI2P <- struct{}{}:
		default:
		}
	}
}
