package p2pworker

import (
	"context"
	"fmt"
	"reflect"
	"time"

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
	via(msg.FetchBlock, patience), via(msg.FetchTx, patience), via(msg.MempoolTxs, patience),
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
