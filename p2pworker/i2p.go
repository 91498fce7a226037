package p2pworker

import (
	"context"
	crand "crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/dialler"
	"github.com/bulkheadnode/bulkhead/p2pworker/sam"
)

// i2pPatience bounds the making of a connection over I2P, for which a router first
// builds tunnels.
const i2pPatience = 3 * time.Minute

// errI2PPort refuses ports, which are not used on I2P (SAM 3.1).
var errI2PPort = errors.New("connection refused due to arbitrary port")

// connectByI2P has a router make a session for one connection, and the connection.
func (w *worker) connectByI2P(ctx context.Context, way dialler.Way) (net.Conn, error) {
	router, peer := way.Proxy.Address, way.End()
	if peer.Port != 0 {
		return nil, fmt.Errorf("%w %d", errI2PPort, peer.Port)
	}
	w.log("i2p", fmt.Sprintf("Creating transient I2P SAM session with %s", router))
	control, err := w.dialler.Reach(ctx, way)
	if err != nil {
		return nil, &proxyError{router, err}
	}
	stream, err := w.dialler.Reach(ctx, way)
	if err != nil {
		control.Close()
		return nil, &proxyError{router, err}
	}
	c := i2pStream{proxied{stream, peer}, control}
	stop := closeLater(ctx, c)
	session := sessionName()
	if err = sam.Create(control, session); err == nil {
		err = sam.Connect(stream, session, peer.Host.String())
	}
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		c.Close()
		var fault *sam.Error
		if errors.As(err, &fault) && !fault.PeerFault() {
			err = &proxyError{router, err}
		}
		return nil, err
	}
	return c, nil
}

// callerPatience bounds the waiting for a router to say who connects.
const callerPatience = 10 * time.Second

// callerOfI2P reads who connects by a router, and returns the connection as one to there.
func callerOfI2P(ctx context.Context, nc net.Conn) (net.Conn, error) {
	stop := closeLater(ctx, nc)
	defer stop()
	address, err := "", nc.SetDeadline(time.Now().Add(callerPatience))
	if err == nil {
		address, err = sam.Caller(nc)
	}
	if err == nil {
		err = nc.SetDeadline(time.Time{})
	}
	host, ok := p2p.ParseHost(address)
	if err == nil && !ok {
		err = fmt.Errorf("%q is no address", address)
	}
	if err != nil {
		nc.Close()
		return nil, err
	}
	return proxied{nc, p2p.Endpoint{Host: host}}, nil
}

// sessionName is one that nobody else will have with the router.
func sessionName() string {
	var b [10]byte
	// crypto/rand.Read never fails: it ends the process instead.
	_, _ = crand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// i2pStream is a connection over I2P, whose session lives as long as control.
type i2pStream struct {
	proxied
	control net.Conn
}

// Close ends the connection and its session.
func (c i2pStream) Close() error { return errors.Join(c.proxied.Close(), c.control.Close()) }
