package node_test

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/node"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// Heights of the chain that is loaded and synced.
const (
	assumedHeight = 110
	wholeHeight   = 130
)

// wholeChain is a chain with the file of a UTXO set on its way.
type wholeChain struct {
	tip    *chaintest.Spot
	raw    []byte // of the file
	set    consensus.AssumedSet
	muhash string // at the tip
}

func newWholeChain(t *testing.T) *wholeChain {
	t.Helper()
	w := &wholeChain{tip: chaintest.Genesis(t, chaintest.Regtest(t)).Extend(104, 0)}
	for height := int32(1); w.tip.Height < wholeHeight; height++ {
		spend := chaintest.Spend([]wire.OutPoint{w.tip.Coinbase(height)}, 1e9, 2e9, 19e8)
		w.tip = w.tip.Next(spend)
	}
	r := newRig(t, "regtest", nil)
	for _, s := range w.tip.Path() {
		get[any](r, "submitblock", hex.EncodeToString(s.Raw))
	}
	d := get[dumped](r, "dumptxoutset", "set", "", map[string]any{"rollback": assumedHeight})
	var err error
	w.raw, err = os.ReadFile(d.Path)
	require.NoError(t, err)
	w.set = consensus.AssumedSet{Height: assumedHeight, ChainTx: int64(d.ChainTx)}
	require.NoError(t, chainhash.Decode(&w.set.Block, d.Hash))
	require.NoError(t, chainhash.Decode(&w.set.Serialized, d.Serialized))
	w.muhash = get[map[string]any](r, "gettxoutsetinfo", "muhash")["muhash"].(string)
	r.stop()
	return w
}

// assuming returns a node that knows the set and all headers.
func (w *wholeChain) assuming(t *testing.T, change func(*node.Config)) *loader {
	t.Helper()
	r := newRig(t, "regtest", func(cfg *node.Config) {
		cfg.Assumed = []consensus.AssumedSet{w.set}
		if change != nil {
			change(cfg)
		}
	})
	l := &loader{rig: r, chain: w, file: filepath.Join(t.TempDir(), "set")}
	l.worker, _ = r.bus.Conn(roles.Worker, "worker.1", nil)
	l.submitHeaders()
	l.write(w.raw)
	return l
}

// loader is a node that loads a UTXO set.
type loader struct {
	*rig
	chain  *wholeChain
	worker *bus.Conn
	file   string
}

func (l *loader) write(raw []byte) { require.NoError(l.t, os.WriteFile(l.file, raw, 0o600)) }

func (l *loader) submitHeaders() {
	l.t.Helper()
	var headers []byte
	for _, s := range l.chain.tip.Path() {
		headers = append(headers, s.Raw[:80]...)
	}
	reply, err := msg.Of(p2p.SubmitHeaders).Call(l.ctx, l.worker, p2p.SubmitHeadersRequest{Frames: bus.Frames{Attached: [][]byte{headers}}})
	require.NoError(l.t, err)
	require.Empty(l.t, reply.Reject)
}

// deliver lets a peer with all blocks bring count of those that are asked for,
// and returns the lowest height among them.
func (l *loader) deliver(count int) (lowest int32) {
	l.t.Helper()
	lowest = wholeHeight + 1
	for count > 0 {
		lease, err := msg.Of(p2p.LeaseBlocks).Call(l.ctx, l.worker, p2p.LeaseRequest{Peer: 1, Best: l.chain.tip.Hash, Max: count})
		require.NoError(l.t, err)
		if len(lease.Hashes) == 0 && !lease.Retry {
			break
		}
		for _, hash := range lease.Hashes {
			block := l.chain.block(hash)
			reply, err := l.submit(block)
			require.NoError(l.t, err)
			require.Empty(l.t, reply.Reject)
			lowest = min(lowest, block.Height)
			count--
		}
	}
	return lowest
}

func (w *wholeChain) block(hash chainhash.Hash) *chaintest.Spot {
	at := w.tip
	for at.Hash != hash {
		at = at.Parent
	}
	return at
}

func (w *wholeChain) at(height int32) *chaintest.Spot {
	at := w.tip
	for at.Height > height {
		at = at.Parent
	}
	return at
}

func (l *loader) submit(block *chaintest.Spot) (p2p.SubmitReply, error) {
	return msg.Of(p2p.SubmitBlock).Call(l.ctx, l.worker, p2p.SubmitBlockRequest{
		Peer: 1, Requested: true, Frames: bus.Frames{Attached: [][]byte{block.Raw}},
	})
}

// endWith submits the block at a height, which ends the node, perhaps before it
// answers, and returns why it ended.
func (l *loader) endWith(height int32) error {
	_, _ = l.submit(l.chain.at(height))
	return l.died()
}

func (l *loader) load() {
	l.t.Helper()
	loaded := get[map[string]any](l.rig, "loadtxoutset", l.file)
	require.EqualValues(l.t, assumedHeight, loaded["base_height"])
	require.Equal(l.t, l.chain.set.Block.String(), loaded["tip_hash"])
}

// states returns the heights of the chain that is verified from the beginning,
// if that is another one, and of the active one.
func (l *loader) states() (heights []int) {
	l.t.Helper()
	type state struct {
		Blocks    int    `json:"blocks"`
		Validated bool   `json:"validated"`
		Snapshot  string `json:"snapshot_blockhash"`
	}
	states := get[struct{ Chainstates []state }](l.rig, "getchainstates").Chainstates
	require.True(l.t, states[0].Validated)
	if len(states) == 2 {
		require.Equal(l.t, state{states[1].Blocks, false, l.chain.set.Block.String()}, states[1])
	}
	for _, s := range states {
		heights = append(heights, s.Blocks)
	}
	return heights
}

func (l *loader) requireNothingLeft() {
	l.t.Helper()
	// While the node runs the folder is there for one to come.
	entries, err := os.ReadDir(filepath.Join(l.cfg.Dir, "chainstate_snapshot"))
	if !errors.Is(err, fs.ErrNotExist) {
		require.NoError(l.t, err)
	}
	require.Empty(l.t, entries)
}

func (l *loader) requireWhole() {
	l.t.Helper()
	require.Equal(l.t, l.chain.tip.Hash.String(), get[string](l.rig, "getbestblockhash"))
	require.Equal(l.t, l.chain.muhash, get[map[string]any](l.rig, "gettxoutsetinfo", "muhash", nil, false)["muhash"])
}
