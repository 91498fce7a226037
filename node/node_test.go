package node_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// regtestTime is a bit after regtest's genesis.
const regtestTime = 1_300_000_000

// rig is a running node with others beside it on a bus.
type rig struct {
	t       *testing.T
	ctx     context.Context
	bus     *bustest.Bus
	clock   *clock.Clock
	cfg     node.Config
	gateway *bus.Conn
	stop    func()
	died    func() error // waits for a node that ends by itself
}

func newRig(t *testing.T, chain string, change func(*node.Config)) *rig {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	t.Cleanup(cancel)
	dir := t.TempDir()
	r := &rig{t: t, ctx: ctx, bus: bustest.New(t), clock: clock.New(regtestTime), cfg: node.DefaultConfig(chain)}
	r.cfg.Dir, r.cfg.BlocksDir, r.cfg.Events = dir, dir, true
	if change != nil {
		change(&r.cfg)
	}
	r.gateway, _ = r.bus.Conn(roles.Gateway, "gateway", nil)
	r.start()
	return r
}

// start runs the node until stop is called.
func (r *rig) start() {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.ctx)
	link, gone := r.bus.WatchedLink(roles.Node, "node")
	env := part.Env{
		Name: "node", Link: link, Clock: r.clock, Mockable: true,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	ended := make(chan error, 1)
	go func() { ended <- node.Run(ctx, env, r.cfg) }()
	r.stop = func() {
		r.stop = func() {}
		cancel()
		require.NoError(r.t, <-ended)
		<-gone
	}
	r.died = func() error {
		r.stop = func() {}
		defer cancel()
		err := <-ended
		<-gone
		return err
	}
	r.t.Cleanup(func() { r.stop() })
	r.until(func() bool { _, err := r.call("getblockcount"); return err == nil })
}

// until waits for something that happens soon; a node that failed ends it.
func (r *rig) until(done func() bool) {
	r.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-r.ctx.Done():
			require.Fail(r.t, "waited in vain")
		}
	}
}

func (r *rig) call(method string, params ...any) (json.RawMessage, error) {
	raw, err := json.Marshal(append([]any{}, params...))
	require.NoError(r.t, err)
	return rpc.Ask(r.ctx, r.gateway, "", method, rpc.Request{Frames: bus.Frames{Attached: [][]byte{raw}}}, 1<<30)
}

// get calls and decodes the result.
func get[T any](r *rig, method string, params ...any) T {
	r.t.Helper()
	raw, err := r.call(method, params...)
	require.NoError(r.t, err)
	var v T
	require.NoError(r.t, json.Unmarshal(raw, &v), "%s", raw)
	return v
}

func (r *rig) refused(code rpc.Code, text, method string, params ...any) {
	r.t.Helper()
	_, err := r.call(method, params...)
	var e *rpc.Error
	require.ErrorAs(r.t, err, &e)
	require.Equal(r.t, code, e.Code, e.Message)
	require.Contains(r.t, e.Message, text)
}

func (r *rig) requireMainnet() {
	r.t.Helper()
	require.Equal(r.t, chaintest.MainnetTip, get[string](r, "getbestblockhash"))
	type figures struct {
		Height, TxOuts, BogoSize, Transactions int
		Total                                  json.Number `json:"total_amount"`
	}
	require.Equal(r.t, figures{chaintest.MainnetHeight, chaintest.MainnetOutputs, chaintest.MainnetBogoSize,
		chaintest.MainnetTransactions, "706550.00000000"}, get[figures](r, "gettxoutsetinfo"))
	require.Equal(r.t, chaintest.MainnetSerialized, get[map[string]any](r, "gettxoutsetinfo")["hash_serialized_3"])
	require.Equal(r.t, chaintest.MainnetMuHash, get[map[string]any](r, "gettxoutsetinfo", "muhash")["muhash"])
}

func forMainnet(cfg *node.Config) { cfg.MinimumWork, cfg.MaxTipAge = "0", 1_000_000_000 }

func TestImportsMainnetBlocks(t *testing.T) {
	r := newRig(t, "main", func(cfg *node.Config) {
		forMainnet(cfg)
		cfg.LoadBlock = []string{chaintest.MainnetFile(t)}
	})
	r.until(func() bool { return get[map[string]any](r, "getmempoolinfo")["loaded"] == true })
	r.requireMainnet()
	r.stop()
	r.cfg.LoadBlock = nil
	r.start()
	r.requireMainnet()
}

// Two workers fetch the blocks that they lease and deliver them as peers do.
func TestSyncsMainnetOverTheBus(t *testing.T) {
	r := newRig(t, "main", forMainnet)
	blocks := map[chainhash.Hash][]byte{}
	var headers []byte
	var last chainhash.Hash
	chaintest.EachMainnetBlock(t, func(height int32, raw []byte) bool {
		last = chainhash.DoubleHashH(raw[:80])
		blocks[last] = raw
		if height > 0 {
			headers = append(headers, raw[:80]...)
		}
		return true
	})
	worker, _ := r.bus.Conn(roles.Worker, "worker.1", nil)
	for len(headers) > 0 {
		batch := headers[:min(len(headers), 2000*80)]
		headers = headers[len(batch):]
		reply, err := msg.Of(p2p.SubmitHeaders).Call(r.ctx, worker, p2p.SubmitHeadersRequest{Frames: bus.Frames{Attached: [][]byte{batch}}})
		require.NoError(t, err)
		require.Empty(t, reply.Reject)
		require.Equal(t, len(batch)/80, reply.New)
	}
	ended := make(chan error, 2)
	for i := range 2 {
		go func() {
			conn := worker
			if i == 1 {
				conn, _ = r.bus.Conn(roles.Worker, "worker.2", nil)
			}
			ended <- download(r.ctx, conn, int64(i), last, blocks)
		}()
	}
	require.NoError(t, errors.Join(<-ended, <-ended))
	r.requireMainnet()
}

// download is what a worker does for a peer that has all blocks.
func download(ctx context.Context, conn *bus.Conn, peer int64, best chainhash.Hash, blocks map[chainhash.Hash][]byte) error {
	for {
		lease, err := msg.Of(p2p.LeaseBlocks).Call(ctx, conn, p2p.LeaseRequest{Peer: peer, Best: best, Max: 16})
		if err != nil || len(lease.Hashes) == 0 && !lease.Retry {
			return err
		}
		for _, hash := range lease.Hashes {
			reply, err := msg.Of(p2p.SubmitBlock).Call(ctx, conn, p2p.SubmitBlockRequest{
				Peer: peer, Requested: true, Frames: bus.Frames{Attached: [][]byte{blocks[hash]}},
			})
			if err != nil {
				return err
			}
			if reply.Reject != "" || !reply.New {
				return errors.New("block " + hash.String() + " came twice, or: " + reply.Reject)
			}
		}
	}
}

const (
	address    = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
	anyoneDesc = "raw(51)"
)

func TestMining(t *testing.T) {
	r := newRig(t, "regtest", nil)
	hashes := get[[]string](r, "generatetoaddress", 3, address)
	require.Len(t, hashes, 3)
	require.Equal(t, hashes[2], get[string](r, "getbestblockhash"))
	block := get[map[string]any](r, "getblock", hashes[0], 2)
	require.EqualValues(t, 3, block["confirmations"])
	coinbase := block["tx"].([]any)[0].(map[string]any)
	require.Equal(t, "5100", coinbase["vin"].([]any)[0].(map[string]any)["coinbase"])
	require.EqualValues(t, 4294967294, coinbase["vin"].([]any)[0].(map[string]any)["sequence"])
	require.EqualValues(t, 0, coinbase["locktime"])
	require.Equal(t, address, coinbase["vout"].([]any)[0].(map[string]any)["scriptPubKey"].(map[string]any)["address"])
	raw := get[string](r, "getblock", hashes[2], 0)
	require.Equal(t, "duplicate", get[string](r, "submitblock", raw))

	r.refused(rpc.InvalidAddressOrKey, "Error: Invalid address", "generatetoaddress", 1, "nonsense")
	r.refused(rpc.InvalidAddressOrKey, "Block not found", "getblock", chainhash.Hash{1}.String())
	r.refused(rpc.InvalidParameter, "blockhash must be of length 64 (not 1, for 'x')", "getblock", "x")
	r.refused(rpc.InvalidParameter, "Block height out of range", "getblockhash", 4)
	r.refused(rpc.DeserializationErr, "Block decode failed", "submitblock", "00")

	require.Equal(t, "null", string(get[json.RawMessage](r, "invalidateblock", hashes[1])))
	require.Equal(t, hashes[0], get[string](r, "getbestblockhash"))
	require.Equal(t, "duplicate-invalid", get[string](r, "submitblock", raw))
	tips := get[[]map[string]any](r, "getchaintips")
	require.Len(t, tips, 2)
	require.Equal(t, "invalid", tips[0]["status"])
	require.Equal(t, "active", tips[1]["status"])
	get[any](r, "reconsiderblock", hashes[1])
	require.Equal(t, hashes[2], get[string](r, "getbestblockhash"))

	r.stop()
	r.start()
	require.Equal(t, hashes[2], get[string](r, "getbestblockhash"))
}

// What Bitcoin Core mines on regtest from the same time, to the same address.
func TestMinedBlocksAreLikeTheReference(t *testing.T) {
	r := newRig(t, "regtest", nil)
	r.clock.SetMock(1296688602)
	hash := get[[]string](r, "generatetoaddress", 1, "mjTkW3DjgyZck4KbiRusZsqTgaYTxdSz6z")[0]
	header := get[map[string]any](r, "getblockheader", hash)
	require.EqualValues(t, 1296688603, header["time"])
	require.Equal(t, "20000000", header["versionHex"])
	raw, err := hex.DecodeString(get[string](r, "getblock", hash, 0))
	require.NoError(t, err)
	block, err := consensus.ParseBlock(raw)
	require.NoError(t, err)
	coinbase := block.Txs[0]
	require.Equal(t, int32(2), coinbase.Version)
	require.Equal(t, []byte{0x51, 0x00}, coinbase.TxIn[0].SignatureScript)
	require.Equal(t, wire.TxWitness{make([]byte, 32)}, coinbase.TxIn[0].Witness)
	require.Len(t, coinbase.TxOut, 2)
	require.Equal(t, byte(txscript.OP_RETURN), coinbase.TxOut[1].PkScript[0])
	get[[]string](r, "generatetoaddress", 149, "mjTkW3DjgyZck4KbiRusZsqTgaYTxdSz6z")
	require.Equal(t, "30000000", get[map[string]any](r, "getblockheader", get[string](r, "getbestblockhash"))["versionHex"])
}

func spendFirstCoinbase(r *rig, fee int64) string {
	block, err := hex.DecodeString(get[string](r, "getblock", get[string](r, "getblockhash", 1), 0))
	require.NoError(r.t, err)
	parsed, err := consensus.ParseBlock(block)
	require.NoError(r.t, err)
	tx := chaintest.Spend([]wire.OutPoint{{Hash: parsed.Txs[0].ID}}, 50*consensus.Coin-fee).Copy()
	tx.TxOut = append(tx.TxOut, &wire.TxOut{PkScript: append([]byte{txscript.OP_RETURN, 30}, make([]byte, 30)...)})
	return hex.EncodeToString(consensus.NewTx(tx).Raw())
}

func TestTransactionsAndEvents(t *testing.T) {
	r := newRig(t, "regtest", func(cfg *node.Config) { cfg.AcceptNonStandard = true })
	notify, _ := r.bus.Conn(roles.Notify, "notify", nil)
	get[[]string](r, "generatetodescriptor", 101, anyoneDesc)
	events, err := notify.Subscribe(r.ctx, msg.EventPrefix)
	require.NoError(t, err)

	raw := spendFirstCoinbase(r, 10_000)
	test := get[[]map[string]any](r, "testmempoolaccept", []string{raw})
	require.Equal(t, true, test[0]["allowed"])
	txid := get[string](r, "sendrawtransaction", raw)
	require.Equal(t, []string{txid}, get[[]string](r, "getrawmempool"))
	require.Equal(t, txid, get[string](r, "sendrawtransaction", raw))
	// allowhighfees, as it was before maxfeerate.
	require.Equal(t, txid, get[string](r, "sendrawtransaction", raw, false))
	dear := spendFirstCoinbase(r, 20_000_000)
	require.Equal(t, "max-fee-exceeded", get[[]map[string]any](r, "testmempoolaccept", []string{dear}, false)[0]["reject-reason"])
	require.NotEqual(t, "max-fee-exceeded", get[[]map[string]any](r, "testmempoolaccept", []string{dear}, true)[0]["reject-reason"])
	entry := get[map[string]any](r, "getmempoolentry", txid)
	require.Equal(t, 0.0001, entry["fees"].(map[string]any)["base"])
	require.Equal(t, raw, get[string](r, "getrawtransaction", txid))
	require.Equal(t, txid, get[map[string]any](r, "decoderawtransaction", raw)["txid"])
	require.NotNil(t, get[any](r, "gettxout", txid, 0))
	require.Nil(t, get[any](r, "gettxout", txid, 0, false))
	r.refused(rpc.VerifyError, "bad-txns-inputs-missingorspent", "sendrawtransaction", hex.EncodeToString(
		chaintest.Spend([]wire.OutPoint{{Hash: chainhash.Hash{5}}}, 1, 2, 3).Raw()))
	r.refused(rpc.InvalidAddressOrKey, "No such mempool transaction", "getrawtransaction", chainhash.Hash{5}.String())

	r.refused(rpc.InvalidParameter, "must be called with the segwit rule set", "getblocktemplate", map[string]any{})
	offered := get[map[string]any](r, "getblocktemplate", map[string]any{"rules": []string{"segwit"}})
	require.EqualValues(t, 102, offered["height"])
	require.Equal(t, get[string](r, "getbestblockhash"), offered["previousblockhash"])
	require.Equal(t, txid, offered["transactions"].([]any)[0].(map[string]any)["txid"])
	require.EqualValues(t, 50*consensus.Coin+10_000, offered["coinbasevalue"])

	block := get[[]string](r, "generatetodescriptor", 1, anyoneDesc)[0]
	require.Empty(t, get[[]string](r, "getrawmempool"))
	require.Equal(t, true, get[map[string]any](r, "getrawtransaction", txid, true, block)["in_active_chain"])
	r.refused(rpc.VerifyAlreadyInUTXO, "Transaction outputs already in utxo set", "sendrawtransaction", raw)
	scan := get[map[string]any](r, "scantxoutset", "start", []string{anyoneDesc})
	require.Len(t, scan["unspents"], 102)

	get[any](r, "invalidateblock", block)
	require.Equal(t, []string{txid}, get[[]string](r, "getrawmempool"))

	var heard []string
	var seq uint64
	for len(heard) < 6 {
		ev, err := events.Next(r.ctx)
		require.NoError(t, err)
		heard = append(heard, ev.Topic[len(msg.EventPrefix):])
		if msg.TxAdded.Matches(ev) {
			tx, err := msg.TxAdded.Decode(ev)
			require.NoError(t, err)
			require.Equal(t, txid, tx.Txid.String())
			require.True(t, seq == 0 || tx.Seq == seq+1)
			seq = tx.Seq
			continue
		}
		if msg.TxRemoved.Matches(ev) {
			tx, err := msg.TxRemoved.Decode(ev)
			require.NoError(t, err)
			require.Equal(t, seq+1, tx.Seq)
			require.Equal(t, "block", tx.Reason)
			seq = tx.Seq
			continue
		}
		b, err := msg.BlockConnected.Decode(ev)
		require.NoError(t, err)
		require.Equal(t, seq+1, b.Seq)
		require.Equal(t, block, b.Hash.String())
		seq = b.Seq
	}
	require.Equal(t, []string{"txadded", "txremoved", "connected", "tip", "disconnected", "txadded"}, heard)
}

func TestWalletHearsWhatItWatches(t *testing.T) {
	r := newRig(t, "regtest", func(cfg *node.Config) { cfg.AcceptNonStandard = true })
	wallet, _ := r.bus.Conn(roles.Wallet, "wallet.w", nil)
	watched, err := wallet.Subscribe(r.ctx, msg.WatchedTx.Name()+"wallet.w")
	require.NoError(t, err)
	_, err = msg.WatchScripts.Call(r.ctx, wallet, msg.WatchRequest{Scripts: [][]byte{{txscript.OP_TRUE}}})
	require.NoError(t, err)
	get[[]string](r, "generatetodescriptor", 2, anyoneDesc)
	get[[]string](r, "generatetoaddress", 100, address)

	scan, err := msg.ScanBlocks.Open(r.ctx, wallet, msg.ScanRequest{}, 2)
	require.NoError(t, err)
	items := readAll(t, r.ctx, scan)
	require.Len(t, items, 4, "the fork, two blocks, and the tip")
	require.Equal(t, int32(0), items[0].Height)
	require.Equal(t, []int{0}, items[1].Indexes)
	require.Len(t, items[2].Attached, 1)
	require.Equal(t, int32(102), items[3].Height)
	require.Empty(t, items[3].Attached)

	txid := get[string](r, "sendrawtransaction", spendFirstCoinbase(r, 10_000))
	ev, err := watched.Next(r.ctx)
	require.NoError(t, err)
	tx, err := msg.WatchedTx.Decode(ev)
	require.NoError(t, err)
	require.True(t, tx.Added)
	require.Equal(t, txid, tx.Txid.String())
	pooled, err := msg.WatchedMempool.Open(r.ctx, wallet, bus.None{}, 2)
	require.NoError(t, err)
	list := readAll(t, r.ctx, pooled)
	require.Len(t, list, 1)
	require.Len(t, list[0].Attached, 1)
	require.Equal(t, tx.Seq, list[0].Seq)
	get[[]string](r, "generatetoaddress", 1, address)
	ev, err = watched.Next(r.ctx)
	require.NoError(t, err)
	tx, err = msg.WatchedTx.Decode(ev)
	require.NoError(t, err)
	require.False(t, tx.Added)
}

// readAll reads a stream to its end.
func readAll[Item any](t *testing.T, ctx context.Context, items *bus.Items[Item]) (all []Item) {
	defer items.Close()
	for {
		item, err := items.Next(ctx)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, item)
	}
}

func TestStopsAtHeight(t *testing.T) {
	r := newRig(t, "regtest", nil)
	env := part.Env{Name: "node.2", Clock: r.clock, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
	r.stop()
	cfg := r.cfg
	cfg.StopAtHeight = 5
	env.Link = r.bus.Link(roles.Node, "node")
	ended := make(chan error, 1)
	go func() { ended <- node.Run(r.ctx, env, cfg) }()
	r.until(func() bool { _, err := r.call("getblockcount"); return err == nil })
	_, _ = r.call("generatetoaddress", 5, address)
	require.NoError(t, <-ended)
}

// When blocks can no longer be written, the node says why and ends rather than
// go on with half of its state.
func TestFailingDiskEndsTheNode(t *testing.T) {
	r := newRig(t, "regtest", func(cfg *node.Config) { cfg.FastPrune = true })
	r.stop()
	env := part.Env{
		Name: "node", Link: r.bus.Link(roles.Node, "node"), Clock: r.clock,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	ended := make(chan error, 1)
	go func() { ended <- node.Run(r.ctx, env, r.cfg) }()
	r.until(func() bool { _, err := r.call("getblockcount"); return err == nil })
	// The second block file cannot be created where a folder is.
	require.NoError(t, os.Mkdir(filepath.Join(r.cfg.BlocksDir, "blocks", "blk00001.dat"), 0o700))
	_, _ = r.call("generatetoaddress", 500, address)
	require.ErrorContains(t, <-ended, "A fatal internal error occurred")
}

func TestMemoryInfo(t *testing.T) {
	r := newRig(t, "regtest", nil)
	info := get[map[string]map[string]uint64](r, "getmemoryinfo")["locked"]
	require.Equal(t, info["total"], info["used"]+info["free"])
	require.Positive(t, info["used"])
	require.Positive(t, info["chunks_used"])
	r.refused(rpc.InvalidParameter, "mallocinfo mode not available", "getmemoryinfo", "mallocinfo")
	r.refused(rpc.InvalidParameter, "unknown mode foobar", "getmemoryinfo", "foobar")
}
