package p2pworker

import (
	"context"
	"errors"
	"io"
	"reflect"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/session"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
)

// Patience with calls.
const (
	patience      = time.Minute
	blockPatience = 15 * time.Minute
)

// slow are the methods that may wait for the disk of the node.
var slow = map[string]time.Duration{
	string(p2p.SubmitHeaders): blockPatience, string(p2p.SubmitBlock): blockPatience,
	string(p2p.SubmitCompact): blockPatience,
}

// streams are the methods that answer with items.
var streams = map[string]func(ctx context.Context, conn *bus.Conn, body any) (any, error){
	string(p2p.MempoolTxs): gathered(p2p.MempoolTxs, addTxs),
}

// streamWindow is how many items of a stream may be under way.
const streamWindow = 8

// gathered reads a stream whose items add up to one reply, until add says that
// it is enough.
func gathered[Req, Item any](stream p2p.Stream[Req, Item], add func(*Item, Item) (enough bool)) func(context.Context, *bus.Conn, any) (any, error) {
	return func(ctx context.Context, conn *bus.Conn, body any) (any, error) {
		var all Item
		items, err := msg.StreamOf(stream).Open(ctx, conn, body.(Req), streamWindow)
		if err != nil {
			return all, err
		}
		defer items.Close()
		for {
			item, err := items.Next(ctx)
			if errors.Is(err, io.EOF) {
				return all, nil
			}
			if err != nil || add(&all, item) {
				return all, err
			}
		}
	}
}

// addTxs adds to a list of the mempool as much as a session takes.
func addTxs(all *p2p.TxsAnnouncedEvent, more p2p.TxsAnnouncedEvent) (enough bool) {
	all.Txs = append(all.Txs, more.Txs...)
	return len(all.Txs) >= session.MaxPendingTxs
}

// call makes one request of a session and returns the reply that it expects.
func (w *worker) call(ctx context.Context, r session.Request) (any, error) {
	wait, isSlow := slow[r.Method]
	if !isSlow {
		wait = patience
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return persist(ctx, func(ctx context.Context) (any, error) {
		if gather := streams[r.Method]; gather != nil {
			return gather(ctx, w.conn, r.Body)
		}
		request, reply := reflect.New(reflect.TypeOf(r.Body)), reflect.New(r.Reply)
		request.Elem().Set(reflect.ValueOf(r.Body))
		err := bus.Invoke(ctx, w.conn, r.Method, request.Interface(), reply.Interface())
		return reply.Elem().Interface(), err
	})
}
