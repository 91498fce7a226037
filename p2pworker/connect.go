package p2pworker

import (
	"context"
	crand "crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/dialler"
	"github.com/bulkheadnode/bulkhead/p2pworker/socks5"
)

// dialPatience bounds the trying: the manager waits a minute.
const dialPatience = 50 * time.Second

// proxyError tells that a proxy could not be reached: nothing is known of the peer.
type proxyError struct {
	address string
	cause   error
}

func (e *proxyError) Error() string {
	return fmt.Sprintf("connect() to the proxy %s failed: %v", e.address, e.cause)
}
func (e *proxyError) Unwrap() error { return e.cause }

// connect dials a target by the ways of the order, one after the other.
func (w *worker) connect(ctx context.Context, order p2p.DialOrder) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, i2pPatience)
	defer cancel()
	search, stop := context.WithTimeout(ctx, dialPatience)
	defer stop()
	ways, err := w.dialler.Find(search, order)
	if err != nil {
		return nil, err
	}
	err = errors.New("there is no way")
	for _, way := range ways {
		if way.Proxy != nil && way.End().Host.Network() == p2p.I2P {
			return w.connectByI2P(ctx, way)
		}
		var nc net.Conn
		if nc, err = w.connectBy(search, way); err == nil {
			return nc, nil
		}
	}
	return nil, err
}

// connectBy connects by a way, and asks its proxy for a connection if there is one.
func (w *worker) connectBy(ctx context.Context, way dialler.Way) (net.Conn, error) {
	if way.Proxy == nil {
		return w.dialler.Reach(ctx, way)
	}
	w.log("proxy", fmt.Sprintf("Using proxy: %s to connect to %s", way.Proxy.Address, net.JoinHostPort(way.Host, strconv.Itoa(int(way.Port)))))
	nc, err := w.dialler.Reach(ctx, way)
	if err != nil {
		return nil, &proxyError{way.Proxy.Address, err}
	}
	stop := closeLater(ctx, nc)
	w.log("net", "SOCKS5 connecting "+way.Host)
	err = socks5.Connect(nc, way.Host, way.Port, credentials(*way.Proxy))
	if !stop() && err == nil {
		err = context.Cause(ctx) // it was closed meanwhile
	}
	if err != nil {
		nc.Close()
		return nil, err
	}
	w.log("net", "SOCKS5 connected "+way.Host)
	return proxied{nc, way.End()}, nil
}

// credentials are for one connection: Tor makes a circuit of its own for each user.
func credentials(proxy p2p.Proxy) *socks5.Credentials {
	if !proxy.Randomize {
		return nil
	}
	var b [32]byte
	// crypto/rand.Read never fails: it ends the process instead.
	_, _ = crand.Read(b[:])
	return &socks5.Credentials{User: hex.EncodeToString(b[:16]), Password: hex.EncodeToString(b[16:])}
}

// proxied is a connection by a proxy: the remote end that counts is the peer, which is
// the zero value if only its name is known.
type proxied struct {
	net.Conn
	peer p2p.Endpoint
}

// RemoteAddr returns where the proxy was asked to connect.
func (c proxied) RemoteAddr() net.Addr { return remoteEnd(c.peer) }

// remoteEnd is an endpoint of any network as an address of net.
type remoteEnd p2p.Endpoint

// Network is always "tcp": that is what peers see.
func (remoteEnd) Network() string  { return "tcp" }
func (a remoteEnd) String() string { return p2p.Endpoint(a).String() }
