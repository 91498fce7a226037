package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// origin is where a request came from.
type origin struct {
	user   string
	wallet *string         // from the path /wallet/NAME
	left   context.Context // ends when the client is gone
}

// dispatch answers one request. A result that is long may still be on its way. A call
// goes on when its client leaves, unless it only reads.
func (g *gateway) dispatch(ctx context.Context, from origin, r *request) (result, error) {
	if err := g.warmUp(ctx); err != nil {
		return result{}, err
	}
	if rpc.OnlyReads(r.method) {
		ctx = from.left
	}
	return g.held(from.left, r.method, func() (result, error) { return g.attempt(ctx, from, r) })
}

// attempt is dispatch as things are at the moment.
func (g *gateway) attempt(ctx context.Context, from origin, r *request) (result, error) {
	if err := g.presence.Refresh(ctx); err != nil {
		return result{}, err
	}
	info, instances, known := g.directory.lookup(r.method)
	if !known {
		return result{}, rpc.Errorf(rpc.MethodNotFound, "Method not found")
	}
	call := rpc.Request{User: from.user, Frames: bus.Frames{Attached: [][]byte{r.params}}}
	if r.params == nil {
		call.Attached[0] = []byte{}
	}
	if from.wallet != nil {
		call.Wallet = *from.wallet
	}
	if info.EveryPart {
		whole, err := g.everyPart(ctx, from.left, r.method, instances, call)
		return result{whole: whole}, err
	}
	instance, err := g.target(ctx, from, info, instances)
	if err != nil {
		return result{}, err
	}
	giveBack := g.lend(from.left, r, &call)
	answer, err := g.askInLane(ctx, from.left, r.method, instance, call)
	if err = giveBack(err); err != nil || answer.rest == nil {
		return answer, err
	}
	if r.notification() {
		answer.rest.Close()
		return result{}, nil
	}
	return g.sendInTurn(ctx, instance, answer)
}

// errNotSent answers a request that was carried out, unlike errQueueFull, upon
// which clients ask again.
var errNotSent = &rpc.Error{Code: rpc.MiscError, Message: "The command was carried out, but its result cannot be sent: too many long results are being sent already"}

// sendInTurn waits for the turn of a long result: it goes over from the calls to
// the results that are being sent.
func (g *gateway) sendInTurn(ctx context.Context, instance string, answer result) (result, error) {
	leave, err := g.sending.enter(ctx, instance)
	if err != nil {
		answer.rest.Close()
		if err == errQueueFull {
			err = errNotSent
		}
		return result{}, err
	}
	over := answer.rest.over
	answer.rest.over = func() { over(); leave() }
	return answer, nil
}

// askInLane waits for the turn of a call as long as its client does: what has not begun
// when that has gone, and may have asked again, is not begun.
func (g *gateway) askInLane(ctx, left context.Context, method, instance string, call rpc.Request) (result, error) {
	leave, err := g.lanes.enter(left, instance)
	if err != nil {
		return result{}, err
	}
	defer leave()
	if left.Err() != nil {
		return result{}, context.Cause(left)
	}
	return g.ask(ctx, method, instance, call)
}

// target chooses who is to answer a command.
func (g *gateway) target(ctx context.Context, from origin, info rpc.Info, instances []string) (string, error) {
	switch {
	case info.PerWallet:
		return g.walletInstance(ctx, from)
	case len(instances) == 0:
		return "", restarting(info.Name)
	}
	return instances[rand.IntN(len(instances))], nil
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

func (g *gateway) ask(ctx context.Context, method, instance string, call rpc.Request) (result, error) {
	ctx, over := g.silence.begin(ctx, instance)
	answer, err := rpc.Open(ctx, g.conn, instance, method, call)
	if err != nil {
		defer over()
		return result{}, askError(ctx, method, err)
	}
	whole := answer.Whole()
	if whole == nil {
		return result{rest: &longResult{answer, over}}, nil
	}
	over()
	if !json.Valid(whole) {
		return result{}, rpc.Errorf(rpc.InternalError, "%s answered something unreadable", method)
	}
	return result{whole: whole}, nil
}

// askError says in a client's words why a call failed that was made with ctx.
func askError(ctx context.Context, method string, err error) error {
	var silent *SilentError
	switch {
	case errors.As(context.Cause(ctx), &silent):
		return rpc.Errorf(rpc.InWarmup, "%v", silent)
	case errors.Is(err, bus.ErrNoService):
		return restarting(method)
	}
	return err
}

// maxShared bounds a result that several compartments give.
const maxShared = 1 << 20

// everyPart asks all instances, when it has the turn of a call to each: a command
// that some carry out and others refuse would leave them at odds. The instances are
// sorted, so that two such commands do not wait for each other.
func (g *gateway) everyPart(ctx, left context.Context, method string, instances []string, call rpc.Request) (json.RawMessage, error) {
	for _, instance := range instances {
		leave, err := g.lanes.enter(left, instance)
		if err != nil {
			return nil, err
		}
		defer leave()
	}
	var group errgroup.Group
	group.SetLimit(64)
	results := make([]json.RawMessage, len(instances))
	for i, instance := range instances {
		group.Go(func() error {
			var err error
			results[i], err = g.askShared(ctx, method, instance, call)
			return err
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

// askShared asks one of several instances. One that ends meanwhile has no result
// and no error: its successor starts with what the others were told.
func (g *gateway) askShared(ctx context.Context, method, instance string, call rpc.Request) (json.RawMessage, error) {
	ctx, over := g.silence.begin(ctx, instance)
	defer over()
	reply, err := rpc.Ask(ctx, g.conn, instance, method, call, maxShared)
	switch {
	case errors.Is(err, bus.ErrNoService), errors.Is(err, bus.ErrGone):
		return nil, nil
	case err != nil:
		return nil, askError(ctx, method, err)
	}
	return reply, nil
}

// walletInstance finds the process of the wallet that a request is for. One
// that has died and is being started again counts as loaded.
func (g *gateway) walletInstance(ctx context.Context, from origin) (string, error) {
	byName, lost := g.directory.walletInstances(), map[string]bool{}
	for _, name := range g.lostWallets(ctx) {
		if _, back := byName[name]; !back {
			lost[name] = true
		}
	}
	name := ""
	switch {
	case from.wallet != nil:
		name = *from.wallet
	case len(byName)+len(lost) == 0:
		return "", rpc.Errorf(rpc.WalletNotFound, "No wallet is loaded. Load a wallet using loadwallet or create a new one with createwallet. (Note: A default wallet is no longer automatically created)")
	case len(byName)+len(lost) > 1:
		return "", rpc.Errorf(rpc.WalletNotSpecified, "Multiple wallets are loaded. Please select which wallet to use by requesting the RPC through the /wallet/<walletname> URI path.")
	default:
		for only := range byName {
			name = only
		}
		for only := range lost {
			name = only
		}
	}
	if instance, ok := byName[name]; ok {
		return instance, nil
	}
	if lost[name] {
		return "", &restartingError{fmt.Sprintf("Wallet \"%s\" is restarting", name)}
	}
	return "", rpc.Errorf(rpc.WalletNotFound, "Requested wallet does not exist or is not loaded")
}

// lostWallets names the wallets whose process has ended though nobody unloaded
// them: the supervisor is starting it again.
func (g *gateway) lostWallets(ctx context.Context) []string {
	lost := g.directory.lostWallets()
	if len(lost) == 0 {
		return nil
	}
	running, err := msg.Compartments.Call(ctx, g.conn, bus.None{})
	if err != nil {
		return slices.Sorted(maps.Values(lost)) // it is not known better
	}
	for instance := range lost {
		kept := slices.ContainsFunc(running.Compartments, func(c msg.Compartment) bool { return c.Instance == instance })
		if !kept {
			g.directory.forgetWallet(instance)
			delete(lost, instance)
		}
	}
	return slices.Sorted(maps.Values(lost))
}

// logLine is what debug.log shows of a request, in Bitcoin Core's form.
func logLine(from origin, r *request) string {
	id := string(r.id)
	if first(r.id) == '"' {
		_ = json.Unmarshal(r.id, &id) // it is valid
	}
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
