package node_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// A node goes on from a loaded set, verifies the past whenever blocks of it
// come, through restarts, and forgets in the end that there ever was a set.
func TestLoadedSetIsVerified(t *testing.T) {
	w := newWholeChain(t)
	l := w.assuming(t, func(cfg *node.Config) { cfg.CoinStatsIndex, cfg.TxIndex = true, true })
	require.EqualValues(t, 1, l.deliver(20))
	require.Equal(t, []int{20}, l.states())
	l.load()
	require.Equal(t, []int{20, assumedHeight}, l.states())
	l.refused(rpc.InternalError, "Can't activate a snapshot-based chainstate more than once", "loadtxoutset", l.file)
	l.refused(rpc.MiscError, "Block not available (not fully downloaded)", "getblock", w.set.Block.String())
	l.refused(rpc.MiscError, "not verified yet", "invalidateblock", get[string](l.rig, "getblockhash", 50))
	tip, err := msg.GetTip.Call(l.ctx, l.worker, bus.None{})
	require.NoError(t, err)
	require.True(t, tip.Partial)

	// What leads to the tip is wanted first.
	require.EqualValues(t, assumedHeight+1, l.deliver(wholeHeight-assumedHeight))
	require.Equal(t, []int{20, wholeHeight}, l.states())
	l.requireWhole()
	l.stop()
	l.start()
	require.Equal(t, []int{20, wholeHeight}, l.states())
	l.requireWhole()

	locator, err := msg.Of(p2p.GetLocator).Call(l.ctx, l.worker, p2p.LocatorRequest{})
	require.NoError(t, err)
	require.Equal(t, w.tip.Parent.Hash, locator.Hashes[0]) // so that a peer at our tip names it
	reply, err := msg.Of(p2p.SubmitHeaders).Call(l.ctx, l.worker, p2p.SubmitHeadersRequest{Frames: bus.Frames{Attached: [][]byte{w.tip.Raw[:80]}}})
	require.NoError(t, err)
	require.True(t, reply.Download)

	require.EqualValues(t, 21, l.deliver(40))
	l.until(func() bool { return l.states()[0] == 60 })
	require.EqualValues(t, 60, get[map[string]any](l.rig, "getblockchaininfo")["backgroundvalidation"].(map[string]any)["blocks"])
	l.stop()
	l.start()
	require.Equal(t, []int{60, wholeHeight}, l.states())

	require.EqualValues(t, 61, l.deliver(wholeHeight))
	l.until(func() bool { return len(l.states()) == 1 })
	l.until(func() bool {
		index := get[map[string]map[string]any](l.rig, "getindexinfo")
		return index["coinstatsindex"]["best_block_height"] == float64(wholeHeight) && index["txindex"]["best_block_height"] == float64(wholeHeight)
	})
	require.Equal(t, w.muhash, get[map[string]any](l.rig, "gettxoutsetinfo", "muhash")["muhash"])
	tip, err = msg.GetTip.Call(l.ctx, l.worker, bus.None{})
	require.NoError(t, err)
	require.False(t, tip.Partial)
	l.requireWhole()
	l.stop()
	l.start()
	l.requireNothingLeft()
	require.Equal(t, []int{wholeHeight}, l.states())
	l.requireWhole()
	require.Equal(t, true, get[any](l.rig, "verifychain", 4, 0))
	// Now the chain can go back below the set.
	get[any](l.rig, "invalidateblock", w.set.Block.String())
	require.Equal(t, []int{assumedHeight - 1}, l.states())
}

// secondTx returns where in the file the second transaction begins, given where
// the first does.
func (w *wholeChain) secondTx(first int) int {
	second := len(w.raw)
	for _, s := range w.tip.Path() {
		for _, tx := range s.Txs {
			if at := bytes.Index(w.raw, tx.ID[:]); at > first {
				second = min(second, at)
			}
		}
	}
	return second
}

// swap returns the file with the txids at two places exchanged.
func swap(raw []byte, a, b int) []byte {
	changed := bytes.Clone(raw)
	copy(changed[a:a+32], raw[b:])
	copy(changed[b:b+32], raw[a:])
	return changed
}

func TestRefusesWrongSets(t *testing.T) {
	w := newWholeChain(t)
	l := w.assuming(t, nil)
	change := func(offset int, with ...byte) []byte {
		raw := bytes.Clone(w.raw)
		copy(raw[offset:], with)
		return raw
	}
	const header = 51
	second := w.secondTx(header)
	again := slices.Concat(w.raw[:second], w.raw[header:])
	again[43] += w.raw[header+32]
	amount := header + 34 // behind txid, count, and the output's number
	for w.raw[amount]&0x80 != 0 {
		amount++
	}
	amount++ // the last byte of height and coinbase flag
	cases := map[string]struct {
		raw  []byte
		text string
	}{
		"another coin":        {change(header, 0xff), "Bad snapshot content hash: expected " + w.set.Serialized.String()},
		"another output":      {change(header+33, 7), "Bad snapshot content hash"},
		"a truncated file":    {w.raw[:len(w.raw)-1], "truncated snapshot"},
		"a trailing byte":     {append(bytes.Clone(w.raw), 0), "coins left over"},
		"a later block":       {change(header+34, 0x84, 0x58), "Bad snapshot data after deserializing 0 coins"},
		"an empty file":       {w.raw[:header], "truncated snapshot after deserializing 0 coins"},
		"one coin too many":   {change(43, w.raw[43]+1), "truncated snapshot"},
		"one coin less":       {change(43, w.raw[43]-1), "coins left over"},
		"two names swapped":   {swap(w.raw, header, second), "Bad snapshot content hash"},
		"coins twice":         {again, "Mismatch in coins count"},
		"another amount":      {change(amount, w.raw[amount]^1), "Bad snapshot content hash"},
		"a count without end": {change(header+32, 0xfd, 0xff, 0xff), "Mismatch in coins count"},
	}
	for name, c := range cases {
		l.write(c.raw)
		t.Log(name)
		l.refused(rpc.InternalError, c.text, "loadtxoutset", l.file)
		l.requireNothingLeft()
		require.Equal(t, []int{0}, l.states())
	}
	l.refused(rpc.InvalidParameter, "for reading.", "loadtxoutset", "absent")
	l.write(change(0, 'x'))
	l.refused(rpc.DeserializationErr, "Unable to parse metadata: Invalid UTXO set snapshot magic bytes", "loadtxoutset", l.file)
	l.write(w.raw)
	l.load()
	require.Equal(t, []int{0, assumedHeight}, l.states())
}

// A process that dies while it loads a set leaves nothing that counts.
func TestDiesWhileLoading(t *testing.T) {
	w := newWholeChain(t)
	l := w.assuming(t, nil)
	l.deliver(20)
	require.NoError(t, os.Remove(l.file))
	require.NoError(t, syscall.Mkfifo(l.file, 0o600))
	ended := make(chan error, 1)
	go func() {
		_, err := l.call("loadtxoutset", l.file)
		ended <- err
	}()
	pipe, err := os.OpenFile(l.file, os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = pipe.Write(w.raw[:len(w.raw)/2])
	require.NoError(t, err)
	half := filepath.Join(l.cfg.Dir, "chainstate_snapshot")
	l.until(func() bool { _, err := os.Stat(filepath.Join(half, "MANIFEST")); return err == nil })
	left := t.TempDir()
	copyDir(t, half, left)
	require.NoError(t, pipe.Close())
	var refused *rpc.Error
	require.ErrorAs(t, <-ended, &refused)
	l.requireNothingLeft()
	l.stop()
	require.NoError(t, os.Rename(left, half))
	l.start()
	l.requireNothingLeft()
	require.Equal(t, []int{20}, l.states())
	require.NoError(t, os.Remove(l.file))
	l.write(w.raw)
	l.load()
}

func copyDir(t *testing.T, from, to string) {
	t.Helper()
	names, err := os.ReadDir(from)
	require.NoError(t, err)
	for _, name := range names {
		in, err := os.Open(filepath.Join(from, name.Name()))
		if os.IsNotExist(err) {
			continue // a temporary file
		}
		require.NoError(t, err)
		out, err := os.Create(filepath.Join(to, name.Name()))
		require.NoError(t, err)
		_, err = io.Copy(out, in)
		require.NoError(t, err)
		require.NoError(t, in.Close())
		require.NoError(t, out.Close())
	}
}

// A set that is not what the blocks lead to, though the software vouches for
// it, ends the node and is put aside; the next start does without it.
func TestRefutedSet(t *testing.T) {
	w := newWholeChain(t)
	wrong := bytes.Clone(w.raw)
	wrong[51] ^= 1 // a coin of a transaction that there is not
	honest := w.set
	l := w.assuming(t, nil)
	l.write(wrong)
	_, err := l.call("loadtxoutset", l.file)
	require.ErrorContains(t, err, "Bad snapshot content hash")
	got := err.Error()[len("Unable to load UTXO snapshot: Population failed: Bad snapshot content hash: expected , got ")+64:][:64]
	l.stop()
	w.set.Serialized = chainhash.Hash{}
	require.NoError(t, chainhash.Decode(&w.set.Serialized, got))
	l.cfg.Assumed = []consensus.AssumedSet{w.set}
	l.start()
	l.load()
	l.deliver(wholeHeight - 1)
	require.ErrorContains(t, l.endWith(assumedHeight), "snapshot proved wrong")
	l.cfg.Assumed = []consensus.AssumedSet{honest}
	l.start()
	l.requireNothingLeft()
	require.DirExists(t, filepath.Join(l.cfg.Dir, "chainstate_snapshot_INVALID"))
	l.until(func() bool { return l.states()[0] == wholeHeight })
	l.requireWhole()
}

// A block below a loaded set that proves invalid does what a wrong set does.
func TestInvalidBlockBelowASet(t *testing.T) {
	w := newWholeChain(t)
	at := w.at(104)
	// The chain that the set claims to be of makes money out of nothing.
	at = at.Change(nil, func(_ *wire.BlockHeader, txs []*consensus.Tx) []*consensus.Tx {
		coinbase := txs[0].Copy()
		coinbase.TxOut[0].Value++
		return []*consensus.Tx{consensus.NewTx(coinbase)}
	})
	for at.Height < wholeHeight {
		at = at.Extend(1, 9)
		if at.Height == assumedHeight {
			w.set.Block = at.Hash
		}
	}
	w.tip = at
	copy(w.raw[11:], w.set.Block[:])
	l := w.assuming(t, nil)
	l.load()
	l.deliver(wholeHeight - assumedHeight + 104)
	require.ErrorContains(t, l.endWith(105), "bad-cb-amount")
	l.start()
	l.requireNothingLeft()
	l.until(func() bool { return l.states()[0] == 104 })
	require.Equal(t, "invalid", get[[]map[string]any](l.rig, "getchaintips")[0]["status"])
}

// Wallets read the chain as far as all of its blocks are there.
func TestScanBelowASet(t *testing.T) {
	w := newWholeChain(t)
	l := w.assuming(t, nil)
	l.deliver(20)
	l.load()
	l.deliver(wholeHeight - assumedHeight)
	wallet, _ := l.bus.Conn(roles.Wallet, "wallet.1", nil)
	_, err := msg.WatchScripts.Call(l.ctx, wallet, msg.WatchRequest{Scripts: [][]byte{{0x51}}})
	require.NoError(t, err)
	scan := func(locator ...chainhash.Hash) (last msg.ScanItem) {
		items, err := msg.ScanBlocks.Open(l.ctx, wallet, msg.ScanRequest{Locator: locator}, 4)
		require.NoError(t, err)
		defer items.Close()
		for {
			item, err := items.Next(l.ctx)
			if errors.Is(err, io.EOF) {
				require.Equal(t, last.TipHeight, last.Height)
				return last
			}
			require.NoError(t, err)
			last = item
		}
	}
	require.EqualValues(t, 20, scan().Height)
	require.EqualValues(t, wholeHeight, scan(w.set.Block).Height)
	l.deliver(wholeHeight)
	l.until(func() bool { return len(l.states()) == 1 })
	require.EqualValues(t, wholeHeight, scan().Height)
}
