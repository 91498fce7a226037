package p2pworker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/socks5"
	"github.com/bulkheadnode/bulkhead/p2pworker/transport"
)

// dial carries out an order for a connection.
func (w *worker) dial(ctx context.Context, order p2p.DialOrder) {
	if !w.take() {
		w.group.Go(func() error {
			return w.dialFailed(ctx, p2p.DialFailedRequest{Dial: order.ID, Busy: true, Text: "no room"})
		})
		return
	}
	w.group.Go(func() error {
		order.V2 = order.V2 && w.cfg.speaksV2()
		w.log("net", fmt.Sprintf("trying %s connection (%s) to %s, lastseen=0.0hrs", framingOf(order), order.Kind, order.Target))
		nc, err := w.connect(ctx, order)
		if err != nil {
			w.logFailure(order.Target, err)
			w.release(false)
			var unreached *proxyError
			return w.dialFailed(ctx, p2p.DialFailedRequest{Dial: order.ID, Text: err.Error(), Proxy: errors.As(err, &unreached)})
		}
		w.release(w.serve(ctx, nc, order))
		return nil
	})
}

// logFailure tells of a connection that could not be made. What a proxy has to say is
// in Bitcoin Core's words, and what is wrong with the proxy is told always.
func (w *worker) logFailure(target string, err error) {
	var reply socks5.ReplyError
	var fault *socks5.Error
	var unreached *proxyError
	switch {
	case errors.Is(err, errI2PPort):
		w.log("i2p", fmt.Sprintf("Error connecting to %s, %v", target, err))
	case errors.As(err, &unreached) && strings.Contains(target, ".b32.i2p"):
		w.log("i2p", fmt.Sprintf("Error connecting to %s: Cannot connect to %s", target, unreached.address))
		w.log("", err.Error())
	case errors.As(err, &reply):
		w.log("net", fmt.Sprintf("Socks5() connect to %s failed: %v", target, reply))
	case errors.As(err, &fault):
		w.log("", fault.Text)
	case errors.As(err, &unreached):
		w.log("", err.Error())
	default:
		w.log("net", fmt.Sprintf("connect() to %s failed: %v", target, err))
	}
}

func framingOf(order p2p.DialOrder) transport.Protocol {
	if order.V2 {
		return transport.V2
	}
	return transport.V1
}

func (w *worker) dialFailed(ctx context.Context, req p2p.DialFailedRequest) error {
	_, err := persist(ctx, func(ctx context.Context) (bus.None, error) {
		return msg.DialFailed.Call(ctx, w.conn, req)
	})
	if err != nil && ctx.Err() == nil {
		w.log("net", fmt.Sprintf("the manager did not take the failure of a dial: %v", err))
	}
	return nil
}
