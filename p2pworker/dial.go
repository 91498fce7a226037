package p2pworker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// errNoDNS refuses to look up names.
var errNoDNS = errors.New("DNS lookups are disabled")

// dial carries out an order for a connection.
func (w *worker) dial(ctx context.Context, order p2p.DialOrder) {
	if !w.take() {
		w.group.Go(func() error { return w.dialFailed(ctx, order.ID, true, "no room") })
		return
	}
	w.group.Go(func() error {
		w.log("net", fmt.Sprintf("trying v1 connection (%s) to %s, lastseen=0.0hrs", order.Kind, order.Target))
		nc, err := w.connect(ctx, order.Target)
		if err != nil {
			w.log("net", fmt.Sprintf("connect() to %s failed: %v", order.Target, err))
			w.release(false)
			return w.dialFailed(ctx, order.ID, false, err.Error())
		}
		w.release(w.serve(ctx, nc, order.ID))
		return nil
	})
}

func (w *worker) dialFailed(ctx context.Context, id uint64, busy bool, text string) error {
	_, err := persist(ctx, func(ctx context.Context) (bus.None, error) {
		return msg.DialFailed.Call(ctx, w.conn, p2p.DialFailedRequest{Dial: id, Busy: busy, Text: text})
	})
	if err != nil && ctx.Err() == nil {
		w.log("net", fmt.Sprintf("the manager did not take the failure of a dial: %v", err))
	}
	return nil
}

func (w *worker) connect(ctx context.Context, target string) (net.Conn, error) {
	host, port := splitTarget(target, w.cfg.DefaultPort)
	if _, err := netip.ParseAddr(host); err != nil && w.cfg.NoDNS {
		return nil, errNoDNS
	}
	// The C library's resolver reads what a worker in a sandbox may not.
	dialer := net.Dialer{Timeout: w.cfg.ConnectTimeout, Resolver: &net.Resolver{PreferGo: true}}
	return dialer.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
}

// splitTarget takes "host", "host:port", "[v6]:port" and bare "v6".
func splitTarget(target string, defaultPort uint16) (host, port string) {
	if host, port, err := net.SplitHostPort(target); err == nil {
		return host, port
	}
	if n := len(target); n > 1 && target[0] == '[' && target[n-1] == ']' {
		target = target[1 : n-1]
	}
	return target, strconv.Itoa(int(defaultPort))
}
