package wallet

import (
	"context"
	"encoding/json"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"

	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/address"
)

// rig is a node, and the wallet processes that a test starts.
type rig struct {
	*testNode
	dir     string
	gateway *bus.Conn

	mu      sync.Mutex
	running map[string]func() error // by instance: stops it
	count   int
	// remembered are the wallets that a keeper loads.
	remembered []string
	loaded     chan struct{} // a keeper has started what the settings name

	patience time.Duration // of the wallets commands
	minFee   int64
}

func newRig(t *testing.T) *rig {
	r := &rig{patience: testPatience, testNode: newTestNode(t), dir: t.TempDir(), running: map[string]func() error{}, loaded: make(chan struct{}, 8)}
	r.gateway, _ = r.bus.Conn(roles.Gateway, "gateway", nil)
	mux := bus.NewMux()
	msg.SpawnWallet.Handle(mux, func(ctx context.Context, req msg.SpawnWalletRequest) (msg.SpawnReply, error) {
		instance, err := r.spawn(ctx, req.Name)
		return msg.SpawnReply{Instance: instance}, err
	})
	msg.MakeWallet.Handle(mux, r.make)
	msg.RememberWallet.Handle(mux, r.remember)
	msg.WalletsLoaded.Handle(mux, func(context.Context, bus.None) (bus.None, error) {
		r.loaded <- struct{}{}
		return bus.None{}, nil
	})
	msg.StopWallet.Handle(mux, func(_ context.Context, req msg.SpawnReply) (bus.None, error) {
		return bus.None{}, r.end(req.Instance)
	})
	_, stopSpawning := r.bus.Conn(roles.Supervisor, "supervisor", mux)
	t.Cleanup(func() {
		stopSpawning()
		for _, instance := range slices.Collect(maps.Keys(r.running)) {
			require.NoError(t, r.end(instance))
		}
	})
	return r
}

func (r *rig) config(name string) Config {
	r.mu.Lock()
	defer r.mu.Unlock()
	var load []string
	if name == "" {
		load = slices.Clone(r.remembered)
	}
	return Config{Chain: "regtest", Dir: r.dir, Name: name, Create: name != "", Load: load, FallbackFee: 20_000, MinFee: r.minFee, Patience: r.patience}
}

// run starts the keeper, or a wallet, and returns its instance when it is on
// the bus.
func (r *rig) run(name string) string {
	instance, err := r.spawn(r.t.Context(), name)
	require.NoError(r.t, err)
	return instance
}

// spawn is run for a goroutine that is not the test's, which may not end it.
func (r *rig) spawn(ctx context.Context, name string) (string, error) {
	r.mu.Lock()
	r.count++
	instance := fmt.Sprintf("wallet.%s.%d", name, r.count)
	r.mu.Unlock()
	sub, err := r.gateway.Subscribe(ctx, msg.LinkUp.Name())
	if err != nil {
		return "", err
	}
	defer sub.Close()
	conn, ended := r.bus.WatchedLink(roles.Wallet, instance)
	env := part.Env{Name: instance, Link: conn, Logger: slog.New(slog.DiscardHandler), Clock: clock.New(0), Mockable: true}
	life, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Run(life, env, r.config(name)) }()
	r.mu.Lock()
	r.running[instance] = func() error {
		cancel()
		defer func() { <-ended }()
		return <-done
	}
	r.mu.Unlock()
	for {
		ev, err := sub.Next(ctx)
		if err != nil {
			return "", err
		}
		if entry, err := msg.LinkUp.Decode(ev); err != nil || entry.Instance == instance {
			return instance, err
		}
	}
}

func (r *rig) end(instance string) error {
	r.mu.Lock()
	stop := r.running[instance]
	delete(r.running, instance)
	r.mu.Unlock()
	return stop()
}

// call runs a command of a part and decodes its result into T.
func call[T any](r *rig, instance, method string, args ...any) T {
	result, err := tryCall[T](r, instance, method, args...)
	require.NoError(r.t, err, method)
	return result
}

func tryCall[T any](r *rig, instance, method string, args ...any) (result T, err error) {
	params, err := json.Marshal(append([]any{}, args...))
	require.NoError(r.t, err)
	reply, err := rpc.Ask(r.t.Context(), r.gateway, instance, method, rpc.Request{Frames: bus.Frames{Attached: [][]byte{params}}}, 1<<20)
	if err != nil {
		return result, err
	}
	return result, json.Unmarshal(reply, &result)
}

// refused is the code of the error with which a command fails.
func refused(r *rig, instance, method string, args ...any) rpc.Code {
	_, err := tryCall[any](r, instance, method, args...)
	var e *rpc.Error
	require.ErrorAs(r.t, err, &e, method)
	return e.Code
}

// newScript returns a new address of a wallet and its script.
func newScript(r *rig, w string) (string, []byte) {
	text := call[string](r, w, "getnewaddress")
	script, err := address.Script(text, &chaincfg.RegressionNetParams)
	require.NoError(r.t, err)
	return text, script
}

type balances struct {
	Mine struct {
		Trusted   float64 `json:"trusted"`
		Untrusted float64 `json:"untrusted_pending"`
		Immature  float64 `json:"immature"`
	} `json:"mine"`
}

func trusted(r *rig, w string) float64 { return call[balances](r, w, "getbalances").Mine.Trusted }

const stranger = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"

const coin = 100_000_000

// testPatience is how long tests wait for what comes about by itself.
const testPatience = 20 * time.Second

// until asks a part again until it says what is expected.
func until(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(testPatience); !ok(); {
		require.True(t, time.Now().Before(deadline), "it does not come about")
	}
}

func TestReceiveAndPay(t *testing.T) {
	r := newRig(t)
	w := r.run("w")
	text, script := newScript(r, w)
	tx := r.receive(script, 2*coin)
	require.Equal(t, 2.0, call[balances](r, w, "getbalances").Mine.Untrusted)
	require.EqualValues(t, -6, refused(r, w, "sendtoaddress", stranger, 1), "it is not confirmed")
	r.mine(tx)
	require.Equal(t, 2.0, trusted(r, w))
	require.Equal(t, 2.0, call[float64](r, w, "getbalance"))
	txid := call[string](r, w, "sendtoaddress", stranger, 0.5)
	require.InDelta(t, 1.49997, trusted(r, w), 0.0001)
	require.Len(t, call[[]any](r, w, "listunspent", 0), 1)

	got := call[map[string]any](r, w, "gettransaction", txid)
	require.Equal(t, -0.5, got["amount"])
	require.Equal(t, true, got["trusted"])
	list := call[[]map[string]any](r, w, "listtransactions")
	require.Len(t, list, 2)
	require.Equal(t, "receive", list[0]["category"])
	require.Equal(t, "send", list[1]["category"])
	require.Equal(t, list[:1], call[[]map[string]any](r, w, "listtransactions", "*", 1, 1))
	info := call[map[string]any](r, w, "getaddressinfo", text)
	require.Equal(t, true, info["ismine"])
	require.Equal(t, false, info["isscript"])
	taproot := address.Of(append([]byte{0x51, 32}, make([]byte, 32)...), &chaincfg.RegressionNetParams)
	require.Equal(t, true, call[map[string]any](r, w, "getaddressinfo", taproot)["isscript"])
	require.Equal(t, false, call[map[string]any](r, w, "getwalletinfo")["scanning"])
	require.EqualValues(t, -5, refused(r, w, "abandontransaction", txid), "it is in the mempool")
	require.EqualValues(t, -5, refused(r, w, "sendtoaddress", "nonsense", 1))
	require.NotEmpty(t, call[string](r, w, "getrawchangeaddress"))
}

// The spent coin must not be listed, and no payment made with it, whatever
// happens to the block that confirmed its payment.
func TestAReorganisationDoesNotFreeASpentCoin(t *testing.T) {
	r := newRig(t)
	w := r.run("w")
	_, script := newScript(r, w)
	r.mine(r.pay(script, 2*coin))
	require.Equal(t, 2.0, trusted(r, w))
	txid := call[string](r, w, "sendtoaddress", stranger, 0.5)
	after := trusted(r, w)
	r.mine(r.pool[0])
	require.Equal(t, after, trusted(r, w))
	require.EqualValues(t, 1, call[map[string]any](r, w, "gettransaction", txid)["confirmations"])
	r.reorganise()
	require.Equal(t, after, trusted(r, w))
	require.EqualValues(t, 0, call[map[string]any](r, w, "gettransaction", txid)["confirmations"])
	coins := call[[]map[string]any](r, w, "listunspent", 0)
	require.Len(t, coins, 1)
	require.Equal(t, txid, coins[0]["txid"])
}

func TestARefusedPaymentIsForgotten(t *testing.T) {
	r := newRig(t)
	w := r.run("w")
	_, script := newScript(r, w)
	r.mine(r.pay(script, 2*coin))
	r.testNode.mu.Lock()
	r.refuse = "too poor"
	r.testNode.mu.Unlock()
	_, err := tryCall[string](r, w, "sendtoaddress", stranger, 0.5)
	require.ErrorContains(t, err, "Transaction commit failed: too poor")
	require.Equal(t, 2.0, trusted(r, w))
	require.Len(t, call[[]any](r, w, "listtransactions"), 1)
}

// A payment that the mempool has dropped keeps its coins until it is given up.
func TestAnEvictedPaymentKeepsItsCoinsUntilItIsAbandoned(t *testing.T) {
	r := newRig(t)
	w := r.run("w")
	_, script := newScript(r, w)
	r.mine(r.pay(script, 2*coin))
	txid := call[string](r, w, "sendtoaddress", stranger, 0.5)
	r.testNode.mu.Lock()
	r.leave(r.pool[0], "sizelimit")
	r.testNode.mu.Unlock()
	require.Equal(t, 0.0, trusted(r, w))
	require.EqualValues(t, -6, refused(r, w, "sendtoaddress", stranger, 1))
	call[any](r, w, "abandontransaction", txid)
	require.Equal(t, 2.0, trusted(r, w))
	require.EqualValues(t, -5, refused(r, w, "abandontransaction", chainhash.Hash{1}.String()))
}

// A new node has neither the wallet's scripts nor its payment; the wallet comes
// back from its disk with both.
func TestNodeAndWalletDie(t *testing.T) {
	r := newRig(t)
	w := r.run("w")
	_, script := newScript(r, w)
	r.mine(r.pay(script, 2*coin))
	txid := call[string](r, w, "sendtoaddress", stranger, 0.5)
	after := trusted(r, w)

	r.stop()
	// Addresses do not need the node.
	_, early := newScript(r, w)
	r.start()
	require.Equal(t, after, trusted(r, w))
	require.Len(t, r.pool, 1, "it was sent again")
	require.Equal(t, txid, r.pool[0].TxHash().String())
	r.receive(early, coin)
	require.Equal(t, 1.0, call[balances](r, w, "getbalances").Mine.Untrusted)

	require.NoError(t, r.end(w))
	r.mine(slices.Clone(r.pool)...)
	w = r.run("w")
	require.Equal(t, after+1, trusted(r, w))
	next, _ := newScript(r, w)
	require.NotEqual(t, early, next)
}

func TestALongScanIsShownAndDoesNotStopTheWallet(t *testing.T) {
	r := newRig(t)
	w := r.run("w")
	_, script := newScript(r, w)
	require.NoError(t, r.end(w))
	r.mine(r.pay(script, coin))
	r.mine(r.pay(script, coin))
	release := make(chan struct{})
	r.patience = 100 * time.Millisecond
	r.testNode.mu.Lock()
	r.hold = release
	r.testNode.mu.Unlock()
	w = r.run("w")
	// getwalletinfo does not wait for a scan, so that it shows one.
	var info map[string]any
	for info == nil || info["scanning"] == false {
		info = call[map[string]any](r, w, "getwalletinfo")
	}
	require.Equal(t, 0.5, info["scanning"].(map[string]any)["progress"])
	require.NotEmpty(t, call[string](r, w, "getnewaddress"))
	// Others wait for a while, and then show what there is.
	require.Equal(t, 1.0, trusted(r, w))
	require.EqualValues(t, -4, refused(r, w, "sendtoaddress", stranger, 0.5))
	r.testNode.mu.Lock()
	r.hold = nil
	r.testNode.mu.Unlock()
	close(release)
	// They do not wait again until the wallet was in sync.
	until(t, func() bool { return trusted(r, w) == 2 })
}

func TestTheKeeper(t *testing.T) {
	r := newRig(t)
	k := r.run("")
	require.Equal(t, []string{}, call[[]string](r, k, "listwallets"))
	require.EqualValues(t, -18, refused(r, k, "getbalance"))
	require.EqualValues(t, -18, refused(r, k, "loadwallet", "w"))
	require.EqualValues(t, -4, refused(r, k, "createwallet", "a/b"))
	require.EqualValues(t, -4, refused(r, k, "createwallet", "w", true))
	require.Equal(t, map[string]any{"name": "w"}, call[map[string]any](r, k, "createwallet", "w", false, false, "", false, true, true))
	require.Equal(t, []string{"w"}, call[[]string](r, k, "listwallets"))
	require.EqualValues(t, -4, refused(r, k, "createwallet", "w"))
	require.EqualValues(t, -35, refused(r, k, "loadwallet", "w"))
	require.Equal(t, []string{"w"}, r.config("").Load)
	call[any](r, k, "unloadwallet", "w")
	require.Equal(t, []string{}, call[[]string](r, k, "listwallets"))
	require.EqualValues(t, -18, refused(r, k, "unloadwallet", "w"))
	require.EqualValues(t, -8, refused(r, k, "unloadwallet"))
	require.Contains(t, fmt.Sprint(call[any](r, k, "listwalletdir")), "name:w")

	// A new keeper loads what the settings name.
	require.NoError(t, r.end(k))
	k = r.run("")
	<-r.loaded // the first keeper, which had none
	<-r.loaded
	require.Equal(t, []string{"w"}, call[[]string](r, k, "listwallets"))
}

func TestAWalletThatCannotBeOpened(t *testing.T) {
	r := newRig(t)
	require.NoError(t, os.WriteFile(filepath.Join(r.dir, "w"), nil, 0o600))
	env := part.Env{Name: "wallet.w", Link: r.bus.Link(roles.Wallet, "wallet.w"), Logger: slog.New(slog.DiscardHandler), Clock: clock.New(0)}
	require.Error(t, Run(t.Context(), env, r.config("w")))
	cfg := r.config("w")
	cfg.Chain = "moon"
	require.ErrorContains(t, Run(t.Context(), env, cfg), "unknown chain")
	cfg = r.config("../w")
	require.Error(t, Run(t.Context(), env, cfg))

	w := r.run("v")
	call[any](r, w, "getwalletinfo") // it is created
	require.NoError(t, r.end(w))
	cfg = r.config("v")
	cfg.Chain = "main"
	env.Link = r.bus.Link(roles.Wallet, "wallet.v")
	require.ErrorContains(t, Run(t.Context(), env, cfg), "is for chain regtest")
}

// A payment below the least fee rate is refused; one that names no rate pays it.
func TestTheLeastFeeRate(t *testing.T) {
	r := newRig(t)
	r.minFee = 30_000
	w := r.run("w")
	_, script := newScript(r, w)
	r.mine(r.receive(script, 2*coin))
	require.EqualValues(t, -6, refused(r, w, "sendtoaddress", stranger, 1, "", "", false, true, nil, "unset", nil, 29.999))
	for _, rate := range []any{30, nil} {
		txid := call[string](r, w, "sendtoaddress", stranger, 0.1, "", "", false, true, nil, "unset", nil, rate)
		tx := call[struct{ Fee float64 }](r, w, "gettransaction", txid)
		require.Less(t, tx.Fee, -0.00003)
	}
}
