package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// origin is where a request came from.
type origin struct {
	user   string
	wallet *string // from the path /wallet/NAME
}

// dispatch answers one request.
func (g *gateway) dispatch(ctx context.Context, from origin, r *request) (json.RawMessage, error) {
	if err := g.warmUp(ctx); err != nil {
		return nil, err
	}
	if g.directory.takeNews() {
		if err := g.directory.reload(ctx, g.conn, g.logger); err != nil {
			return nil, err
		}
	}
	info, instances, known := g.directory.lookup(r.method)
	if !known {
		return nil, rpc.Errorf(rpc.MethodNotFound, "Method not found")
	}
	call := rpc.Request{User: from.user, Frames: bus.Frames{Attached: [][]byte{r.params}}}
	if r.params == nil {
		call.Attached[0] = []byte{}
	}
	if from.wallet != nil {
		call.Wallet = *from.wallet
	}
	switch {
	case info.EveryPart:
		return g.everyPart(ctx, r.method, instances, call)
	case info.PerWallet:
		instance, err := g.walletInstance(from)
		if err != nil {
			return nil, err
		}
		return g.ask(ctx, r.method, instance, call)
	}
	return g.ask(ctx, r.method, "", call)
}

// warmUp fails until the node has been ready once. The supervisor keeps that
// state, so it is right for a gateway that is started again, too. Everything
// that the node waited for is in the news when the supervisor says so.
func (g *gateway) warmUp(ctx context.Context) error {
	if g.ready.Load() {
		return nil
	}
	reply, err := msg.Readiness.Call(ctx, g.conn, bus.None{})
	switch {
	case err != nil:
		return rpc.Errorf(rpc.InWarmup, "Starting compartments: the supervisor does not answer: %v", err)
	case len(reply.Waiting) > 0:
		return rpc.Errorf(rpc.InWarmup, "Starting compartments: waiting for %s…", strings.Join(reply.Waiting, ", "))
	}
	g.ready.Store(true)
	return nil
}

func (g *gateway) ask(ctx context.Context, method, instance string, call rpc.Request) (json.RawMessage, error) {
	reply, err := rpc.MethodFor(method).CallAt(ctx, g.conn, instance, call)
	switch {
	case errors.Is(err, bus.ErrNoService):
		return nil, rpc.Errorf(rpc.InWarmup, "The compartment that serves %s is restarting", method)
	case err != nil:
		return nil, err
	case reply.Code != 0:
		return nil, &rpc.Error{Code: rpc.Code(reply.Code), Message: reply.Message}
	case len(reply.Attached) != 1 || !json.Valid(reply.Attached[0]):
		return nil, rpc.Errorf(rpc.InternalError, "%s answered something unreadable", method)
	}
	return reply.Attached[0], nil
}

// everyPart asks all instances. One that ends meanwhile does not count: its
// successor starts with what the others were told.
func (g *gateway) everyPart(ctx context.Context, method string, instances []string, call rpc.Request) (json.RawMessage, error) {
	var group errgroup.Group
	group.SetLimit(64)
	results := make([]json.RawMessage, len(instances))
	for i, instance := range instances {
		group.Go(func() error {
			reply, err := rpc.MethodFor(method).CallAt(ctx, g.conn, instance, call)
			switch {
			case errors.Is(err, bus.ErrNoService), errors.Is(err, bus.ErrGone):
				return nil
			case err != nil:
				return err
			case reply.Code != 0:
				return &rpc.Error{Code: rpc.Code(reply.Code), Message: reply.Message}
			case len(reply.Attached) == 1:
				results[i] = reply.Attached[0]
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, result := range results {
		if result != nil {
			return result, nil
		}
	}
	return nil, rpc.Errorf(rpc.InternalError, "no compartment answered %s", method)
}

func (g *gateway) walletInstance(from origin) (string, error) {
	byName := g.directory.walletInstances()
	if from.wallet != nil {
		if instance, ok := byName[*from.wallet]; ok {
			return instance, nil
		}
		return "", rpc.Errorf(rpc.WalletNotFound, "Requested wallet does not exist or is not loaded")
	}
	switch len(byName) {
	case 0:
		return "", rpc.Errorf(rpc.WalletNotFound, "No wallet is loaded. Load a wallet using loadwallet or create a new one with createwallet. (Note: A default wallet is no longer automatically created)")
	case 1:
		for _, instance := range byName {
			return instance, nil
		}
	}
	return "", rpc.Errorf(rpc.WalletNotSpecified, "Multiple wallets are loaded. Please select which wallet to use by requesting the RPC through the /wallet/<walletname> URI path.")
}

// logLine is what debug.log shows of a request, in Bitcoin Core's form.
func logLine(from origin, r *request) string {
	id := strings.Trim(string(r.id), `"`)
	return fmt.Sprintf("ThreadRPCServer method=%s user=%s id=%s", clean(r.method), clean(from.user), clean(id))
}

// traceLine ties a request to the calls between parts that it causes, whose
// lines of category ipc show the same trace.
func traceLine(from origin, r *request, trace uint64) string {
	return fmt.Sprintf("RPC trace=%016x method=%s user=%s", trace, clean(r.method), clean(from.user))
}

// clean keeps what a client wrote from looking like something else in the log.
func clean(text string) string {
	const limit = 100
	keep := func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune(" .,;-_/:?@()", c) {
			return c
		}
		return -1
	}
	text = strings.Map(keep, text)
	return text[:min(len(text), limit)]
}
