package manager

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"fmt"
	"net/netip"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/torcontrol"
)

// TorControl tells how to have an onion service (-listenonion).
type TorControl struct {
	// Address is -torcontrol, "" for no service.
	Address string
	// Password is -torpassword.
	Password string
	// Target is where the daemon connects peers to.
	Target netip.AddrPort
	// Proxy: no proxy for Tor was given, and the daemon's own is to be used.
	// Randomize is for that.
	Proxy, Randomize bool
}

const (
	// torPatience bounds the conversation that makes the service.
	torPatience = 30 * time.Second
	// torRefusal is for how long a daemon that refuses is left in peace.
	torRefusal = time.Minute
	// Pauses before the daemon is asked again grow by half.
	firstTorPause, lastTorPause = time.Second, 10 * time.Minute
	// torSocks is where Tor listens if it does not tell.
	torSocks = "127.0.0.1:9050"
	// maxOnionKey is more than a key has, in bytes.
	maxOnionKey = 1024
)

// keepOnion has an onion service as long as ctx lasts, and asks for it again when the
// daemon has gone.
func (m *manager) keepOnion(ctx context.Context) error {
	if m.cfg.Tor.Address == "" {
		return nil
	}
	log := m.env.Logger.With("cat", "tor")
	pause := firstTorPause
	for ctx.Err() == nil {
		began := time.Now()
		err := m.serveOnion(ctx)
		if ctx.Err() != nil {
			break
		}
		log.Debug(fmt.Sprintf("Not connected to Tor control port %s (%v), retrying in %.0fs", m.cfg.Tor.Address, err, pause.Seconds()))
		if !clock.Sleep(ctx, pause) {
			break
		}
		if pause = min(pause*3/2, lastTorPause); time.Since(began) > lastTorPause {
			pause = firstTorPause
		}
	}
	return nil
}

// serveOnion makes the service and returns when it has ended. A daemon that refuses is
// asked again when it has gone, or when the time has come to see whether its settings
// have changed.
func (m *manager) serveOnion(ctx context.Context) error {
	nc, err := m.env.DialWithin(ctx, m.cfg.ConnectTimeout, "tcp", m.cfg.Tor.Address)
	if err != nil {
		return err
	}
	defer nc.Close()
	stop := context.AfterFunc(ctx, func() { nc.Close() })
	defer stop()
	if err := nc.SetDeadline(time.Now().Add(torPatience)); err != nil {
		return err
	}
	conn, until := torcontrol.New(nc), time.Time{}
	withdraw, refusal := m.arrangeOnion(conn)
	switch {
	case refusal == nil:
		defer withdraw()
	case torcontrol.Refused(refusal):
		m.env.Logger.Warn(fmt.Sprintf("tor: %v", refusal))
		until = time.Now().Add(torRefusal)
	default:
		return refusal
	}
	if err := nc.SetDeadline(until); err != nil {
		return err
	}
	if err := conn.Wait(); refusal == nil {
		return err
	}
	return refusal
}

// arrangeOnion has the daemon make the service, which lasts as long as the connection.
func (m *manager) arrangeOnion(conn *torcontrol.Conn) (withdraw func(), err error) {
	by := torcontrol.Credentials{Password: m.cfg.Tor.Password, Answer: m.proveTor}
	// crypto/rand.Read never fails: it ends the process instead.
	_, _ = crand.Read(by.Nonce[:])
	if err := conn.Authenticate(by); err != nil {
		return nil, err
	}
	if m.cfg.Tor.Proxy {
		if err := m.useTor(conn); err != nil {
			return nil, err
		}
	}
	return m.makeOnion(conn)
}

// useTor reaches onion services by the daemon from now on.
func (m *manager) useTor(conn *torcontrol.Conn) error {
	at, named, err := conn.SOCKS()
	if err != nil {
		return err
	}
	address := torSocks
	if named {
		address = at.String()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cfg.Networks.setOnion(p2p.Proxy{Network: p2p.TorV3, Address: address, Randomize: m.cfg.Tor.Randomize})
	m.env.Logger.With("cat", "tor").Debug("Configuring onion proxy for " + address)
	return nil
}

// makeOnion makes the service by the key of earlier ones, and shows its address until
// it is withdrawn.
func (m *manager) makeOnion(conn *torcontrol.Conn) (withdraw func(), err error) {
	if m.onion.err != nil {
		return nil, m.onion.err
	}
	key := m.onion.held
	if key == nil {
		key = []byte(torcontrol.NewKey)
	}
	service, err := conn.AddOnion(string(bytes.TrimSpace(key)), m.cfg.DefaultPort, m.cfg.Tor.Target)
	if err != nil {
		return nil, err
	}
	host, ok := p2p.ParseHost(service.Address)
	if !ok {
		return nil, fmt.Errorf("the service %q is no address", service.Address)
	}
	if err := m.keepKey(&m.onion, onionFile, []byte(service.Key)); err != nil {
		return nil, err
	}
	m.env.Logger.Info(fmt.Sprintf("Onion service: %s", p2p.Endpoint{Host: host, Port: m.cfg.DefaultPort}))
	m.mu.Lock()
	defer m.mu.Unlock()
	m.addOwn(p2p.Endpoint{Host: host, Port: m.cfg.DefaultPort}, ByUser)
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.removeOwn(host)
	}, nil
}

// proveTor has the supervisor answer a daemon's challenge: its cookie is in a file of
// Tor's, which only the daemon names.
func (m *manager) proveTor(path string, c torcontrol.Challenge) ([]byte, error) {
	conn, err := m.link()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), savePatience)
	defer cancel()
	reply, err := msg.ProveTor.Call(ctx, conn, msg.ProveTorRequest{Path: path, Ours: c.Ours, Theirs: c.Theirs, Hash: c.Hash})
	return reply.Proof, err
}
