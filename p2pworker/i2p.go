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
	"github.com/bulkheadnode/bulkhead/p2pworker/sam"
)

// i2pPatience bounds the making of a connection over I2P, for which a router first
// builds tunnels.
const i2pPatience = 3 * time.Minute

// errI2PPort refuses ports, which are not used on I2P (SAM 3.1).
var errI2PPort = errors.New("I2P has no ports but 0")

// connectByI2P has a router make a session for one connection, and the connection.
func (w *worker) connectByI2P(ctx context.Context, router string, peer p2p.Endpoint) (net.Conn, error) {
	if peer.Port != 0 {
		return nil, errI2PPort
	}
	control, err := w.reachProxy(ctx, router)
	if err != nil {
		return nil, &proxyError{router, err}
	}
	stream, err := w.reachProxy(ctx, router)
	if err != nil {
		control.Close()
		return nil, &proxyError{router, err}
	}
	c := i2pStream{proxied{stream, peer}, control}
	stop := closeLater(ctx, c)
	w.log("i2p", fmt.Sprintf("Creating a transient session with %s", router))
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
