package p2pworker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/session"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
)

// Patience with calls: a block may wait for the disk of the node.
const (
	patience      = time.Minute
	blockPatience = 15 * time.Minute
)

// calls are the methods that sessions' requests are made with. A request that a
// session makes needs a line here.
var calls = newCalls(
	via(msg.GetLocator, patience), via(msg.FindHeaders, patience), via(msg.FindBlocks, patience),
	via(msg.SubmitHeaders, blockPatience), via(msg.SubmitBlock, blockPatience), via(msg.SubmitTx, patience),
	via(msg.LeaseBlocks, patience), via(msg.ReleasePeer, patience), via(msg.WantTxs, patience),
	via(msg.FetchBlock, patience), via(msg.FetchTx, patience), gathered(msg.MempoolTxs, patience, addTxs),
	via(msg.IntroducePeer, patience), via(msg.AddAddresses, patience), via(msg.GetAddresses, patience),
)

// call makes the requests of one type.
type call struct {
	request  reflect.Type
	patience time.Duration
	make     func(ctx context.Context, conn *bus.Conn, body any) (any, error)
}

func via[Req, Reply any](method bus.Method[Req, Reply], patience time.Duration) call {
	return call{reflect.TypeFor[Req](), patience, func(ctx context.Context, conn *bus.Conn, body any) (any, error) {
		return method.Call(ctx, conn, body.(Req))
	}}
}

// streamWindow is how many items of a stream may be under way.
const streamWindow = 8

// gathered is a stream whose items add up to one reply, until add says that it
// is enough.
func gathered[Req, Item, Reply any](stream bus.Stream[Req, Item], patience time.Duration, add func(*Reply, Item) (enough bool)) call {
	return call{reflect.TypeFor[Req](), patience, func(ctx context.Context, conn *bus.Conn, body any) (any, error) {
		var reply Reply
		items, err := stream.Open(ctx, conn, body.(Req), streamWindow)
		if err != nil {
			return reply, err
		}
		defer items.Close()
		for {
			item, err := items.Next(ctx)
			if errors.Is(err, io.EOF) {
				return reply, nil
			}
			if err != nil || add(&reply, item) {
				return reply, err
			}
		}
	}}
}

// addTxs adds to a list of the mempool as much as a session takes.
func addTxs(all *p2p.TxsAnnouncedEvent, more p2p.TxsAnnouncedEvent) (enough bool) {
	all.Txs = append(all.Txs, more.Txs...)
	return len(all.Txs) >= session.MaxPendingTxs
}

func newCalls(list ...call) map[reflect.Type]call {
	byType := make(map[reflect.Type]call, len(list))
	for _, c := range list {
		byType[c.request] = c
	}
	return byType
}

// call performs one request of a session and returns the reply it expects.
func (w *worker) call(ctx context.Context, body any) (any, error) {
	c, known := calls[reflect.TypeOf(body)]
	if !known {
		return nil, fmt.Errorf("no call for %T", body)
	}
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	return persist(ctx, func(ctx context.Context) (any, error) { return c.make(ctx, w.conn, body) })
}
