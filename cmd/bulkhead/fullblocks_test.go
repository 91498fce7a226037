package main_test

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/blockchain/fullblocktests"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// fullBlocks gives a node btcd's generated chain over the network. The chain
// starts from the header of regtest's genesis block and keeps to regtest's
// proof of work, subsidy, and heights of BIP34, 65 and 66. The generator knows
// of no soft fork after these, but makes nothing that they would change.
type fullBlocks struct {
	t testing.TB
	n *node
	// push: blocks are sent without being asked for, over one connection that
	// is exempt from punishment. Otherwise headers announce them, and each
	// connection lasts until the node ends it.
	push bool
	peer *blockPeer
	has  map[chainhash.Hash]*wire.MsgBlock
	// orphans wait for their parents, which the peer does not have yet.
	orphans map[chainhash.Hash]*wire.MsgBlock
	logged  int64 // how much of debug.log is from before this item
	hangUps int
}

func newFullBlocks(t *testing.T, push bool, args ...string) *fullBlocks {
	n := startNode(t, "regtest", append([]string{
		"-connect=0", "-listen=1", "-disablewallet", "-debug=validation",
	}, args...)...)
	f := &fullBlocks{
		t: t, n: n, push: push,
		has: map[chainhash.Hash]*wire.MsgBlock{}, orphans: map[chainhash.Hash]*wire.MsgBlock{},
	}
	f.peer = dialBlockPeer(n, f.has)
	return f
}

// deliver hands over a block and returns when the node is through with it,
// and whether the node has hung up.
func (f *fullBlocks) deliver(block *wire.MsgBlock) (hungUp bool) {
	f.logged = f.logSize()
	blocks := []*wire.MsgBlock{block}
	for next := f.orphans[block.BlockHash()]; next != nil; next = f.orphans[next.BlockHash()] {
		blocks = append(blocks, next)
	}
	for _, block := range blocks {
		f.peer.has(block)
		if f.push {
			f.peer.say(block)
		}
	}
	if !f.push {
		f.peer.announce(blocks...)
	}
	return !f.sync()
}

func (f *fullBlocks) sync() bool {
	if f.peer.sync() {
		return true
	}
	f.hangUps++
	f.peer.leave()
	f.peer = dialBlockPeer(f.n, f.has)
	return false
}

func (f *fullBlocks) logFile() *os.File {
	file, err := os.Open(filepath.Join(f.n.net, "debug.log"))
	require.NoError(f.t, err)
	return file
}

func (f *fullBlocks) logSize() int64 {
	file := f.logFile()
	defer file.Close()
	info, err := file.Stat()
	require.NoError(f.t, err)
	return info.Size()
}

// news is what debug.log got since the item was delivered.
func (f *fullBlocks) news() string {
	file := f.logFile()
	defer file.Close()
	raw, err := io.ReadAll(io.NewSectionReader(file, f.logged, math.MaxInt64-f.logged))
	require.NoError(f.t, err)
	return string(raw)
}

func (f *fullBlocks) accept(s fullblocktests.AcceptedBlock) {
	hash := s.Block.BlockHash().String()
	if s.IsOrphan {
		f.postpone(s)
		return
	}
	before := f.n.tip()
	require.False(f.t, f.deliver(s.Block), "%s: the node hung up", s.Name)
	if f.push {
		// Of blocks with less work than its tip the node keeps nothing but the
		// headers until their branch is announced.
		f.peer.announce(s.Block)
		require.True(f.t, f.sync())
	}
	if s.IsMainChain {
		f.awaitTip(hash)
		return
	}
	status := "valid-headers"
	switch behind := f.n.height() - int(s.Height); {
	case behind > 144:
		status = "no tip" // too little work to be kept
	case behind > 0:
		status = "headers-only" // not worth fetching
	}
	eventuallyWithin(f.t, 3*patience, s.Name, func() error {
		if got := f.status(hash); got != status {
			return fmt.Errorf("status is %s, not %s", got, status)
		}
		return nil
	})
	require.Equal(f.t, before, f.n.tip(), s.Name)
}

// awaitTip waits for a tip, even if a thousand large blocks lie on the way.
func (f *fullBlocks) awaitTip(hash string) {
	f.t.Helper()
	eventuallyWithin(f.t, 3*patience, "tip", func() error {
		if got := f.n.tip(); got != hash {
			return fmt.Errorf("the tip is %s, not %s", got, hash)
		}
		return nil
	})
}

// postpone delivers a block whose parent the node has not seen.
func (f *fullBlocks) postpone(s fullblocktests.AcceptedBlock) {
	hash, before := s.Block.BlockHash().String(), f.n.tip()
	hungUp := f.deliver(s.Block)
	require.False(f.t, hungUp, "%s: the node hung up", s.Name)
	if f.push {
		require.Contains(f.t, f.news(), "AcceptBlock: "+hash+", prev-blk-not-found", s.Name)
	}
	require.Equal(f.t, "Block not found", f.n.refused(-5, "getblockheader", hash), s.Name)
	require.Equal(f.t, before, f.n.tip(), s.Name)
	f.orphans[s.Block.Header.PrevBlock] = s.Block
}

// status returns what getchaintips says about a block.
func (f *fullBlocks) status(hash string) string {
	tips, _ := f.n.must("getchaintips").([]any)
	for _, tip := range tips {
		if entry := tip.(map[string]any); entry["hash"] == hash {
			return entry["status"].(string)
		}
	}
	return "no tip"
}

// reasons are Bitcoin Core's for btcd's kinds of fault.
var reasons = map[blockchain.ErrorCode]string{
	blockchain.ErrMissingTxOut:         "bad-txns-inputs-missingorspent",
	blockchain.ErrBadCoinbaseValue:     "bad-cb-amount",
	blockchain.ErrTooManySigOps:        "bad-blk-sigops",
	blockchain.ErrImmatureSpend:        "bad-txns-premature-spend-of-coinbase",
	blockchain.ErrBlockTooBig:          "bad-blk-length",
	blockchain.ErrBadCoinbaseScriptLen: "bad-cb-length",
	blockchain.ErrFirstTxNotCoinbase:   "bad-cb-missing",
	blockchain.ErrNoTransactions:       "bad-blk-length",
	blockchain.ErrHighHash:             "high-hash",
	blockchain.ErrTimeTooNew:           "time-too-new",
	blockchain.ErrBadMerkleRoot:        "bad-txnmrklroot",
	blockchain.ErrUnexpectedDifficulty: "bad-diffbits",
	blockchain.ErrMultipleCoinbases:    "bad-cb-multiple",
	blockchain.ErrDuplicateTx:          "bad-txns-duplicate",
	blockchain.ErrTimeTooOld:           "time-too-old",
	blockchain.ErrSpendTooHigh:         "bad-txns-in-belowout",
	blockchain.ErrBadCoinbaseHeight:    "bad-cb-height",
	blockchain.ErrOverwriteTx:          "bad-txns-BIP30",
	blockchain.ErrUnfinalizedTx:        "bad-txns-nonfinal",
}

func reasonFor(t testing.TB, s fullblocktests.RejectedBlock) string {
	t.Helper()
	switch s.Name {
	case "b49a":
		return "high-hash" // no work at all can be enough for a negative target
	case "b51", "b56p2":
		// A transaction that comes twice without being a mutation is a double
		// spend.
		return "bad-txns-inputs-missingorspent"
	}
	reason, ok := reasons[s.RejectCode]
	require.True(t, ok, "%s: %v", s.Name, s.RejectCode)
	return reason
}

// faulty returns the block that breaks the rules when another is delivered.
func (f *fullBlocks) faulty(s fullblocktests.RejectedBlock) *wire.MsgBlock {
	block := s.Block
	switch s.Name {
	case "b8", "b19":
		// The double spend is in its parent, which was not connected before.
		block = f.has[block.Header.PrevBlock]
	case "b12":
		// The descendants that waited for it follow it, and the last is bad.
		for next := f.orphans[block.BlockHash()]; next != nil; next = f.orphans[block.BlockHash()] {
			block = next
		}
	}
	return block
}

func (f *fullBlocks) reject(s fullblocktests.RejectedBlock) {
	before, faulty, reason := f.n.tip(), f.faulty(s).BlockHash().String(), reasonFor(f.t, s)
	hungUp := f.deliver(s.Block)
	if s.Name == "b56p2" {
		// Its fault shows when it is connected, and it has no more work than the
		// tip.
		require.False(f.t, hungUp, s.Name)
		require.Equal(f.t, "valid-headers", f.status(faulty), s.Name)
		hungUp = f.deliver(childOf(f.t, s.Block, s.Height+1))
	}
	require.NoError(f.t, refusal(f.news(), faulty, reason), s.Name)
	require.Equal(f.t, s.Name != "b12", before == f.n.tip(), s.Name)
	require.NotEqual(f.t, faulty, f.n.tip(), s.Name)
	f.requirePunished(reason != "time-too-new", hungUp, s.Name)
	clear(f.orphans)
}

// refusal looks for a reason for refusing a block.
func refusal(log, hash, reason string) error {
	if reason == "high-hash" && hasLine(log, "header with invalid proof of work") == nil {
		return nil // of a header, before its chain is looked at
	}
	for _, where := range []string{"CheckBlock: " + hash + ", ", "AcceptBlock: " + hash + ", ", "AcceptBlockHeader: ", "Block mutated: "} {
		if hasLine(log, where+reason) == nil {
			return nil
		}
	}
	if err := hasLine(log, "InvalidChainFound: invalid block="+hash+" "); err != nil {
		return err
	}
	return hasLine(log, "Block validation error: "+reason)
}

// requirePunished checks what the node does about a peer who is to blame.
func (f *fullBlocks) requirePunished(guilty, hungUp bool, name string) {
	f.t.Helper()
	require.Equal(f.t, guilty && !f.push, hungUp, "%s: hung up", name)
	require.Equal(f.t, guilty, hasLine(f.news(), "Misbehaving: peer=") == nil, name)
	require.Equal(f.t, guilty && f.push, hasLine(f.news(), "Not punishing noban peer") == nil, name)
}

// childOf makes an empty block.
func childOf(t testing.TB, parent *wire.MsgBlock, height int32) *wire.MsgBlock {
	script, err := txscript.NewScriptBuilder().AddInt64(int64(height)).AddInt64(0).Script()
	require.NoError(t, err)
	coinbase := wire.NewMsgTx(1)
	coinbase.AddTxIn(wire.NewTxIn(wire.NewOutPoint(&chainhash.Hash{}, wire.MaxPrevOutIndex), script, nil))
	coinbase.AddTxOut(wire.NewTxOut(0, []byte{txscript.OP_TRUE}))
	header := parent.Header
	header.PrevBlock, header.MerkleRoot = parent.BlockHash(), coinbase.TxHash()
	header.Timestamp = header.Timestamp.Add(time.Second)
	for header.Nonce = 0; ; header.Nonce++ {
		if hash := header.BlockHash(); blockchain.HashToBig(&hash).Cmp(blockchain.CompactToBig(header.Bits)) <= 0 {
			break
		}
	}
	return &wire.MsgBlock{Header: header, Transactions: []*wire.MsgTx{coinbase}}
}

// refuseBytes sends a block that cannot be read, which is not held against the
// peer, and does not keep the node from taking the block that was meant.
func (f *fullBlocks) refuseBytes(s fullblocktests.RejectedNonCanonicalBlock) {
	before := f.n.tip()
	f.logged = f.logSize()
	f.peer.say(rawBlock(s.RawBlock))
	f.requirePunished(false, !f.sync(), s.Name)
	require.NoError(f.t, hasLine(f.news(), "ProcessMessages(block, ", "non-canonical ReadCompactSize()"), s.Name)
	require.Equal(f.t, before, f.n.tip(), s.Name)
}

// ignore delivers a block whose parent was refused. If it was announced, the
// node may want the parent once more and find the peer guilty of that.
func (f *fullBlocks) ignore(s fullblocktests.OrphanOrRejectedBlock) {
	before, hash := f.n.tip(), s.Block.BlockHash().String()
	hungUp := f.deliver(s.Block)
	f.requirePunished(true, hungUp, s.Name)
	if f.push {
		require.NoError(f.t, refusal(f.news(), hash, "prev-blk-not-found"), s.Name)
	} else {
		require.NoError(f.t, hasLine(f.news(), "CheckBlock: "+s.Block.Header.PrevBlock.String()), s.Name)
	}
	require.Equal(f.t, before, f.n.tip(), s.Name)
}

// afterDisconnect looks at an output in the state before a block of the best
// chain. The generator means the middle of a reorganisation, in which nobody
// can look at a running node: that state is brought about for good, and then
// undone.
func (f *fullBlocks) afterDisconnect(s fullblocktests.BlockDisconnectExpectUTXO) {
	tip, hash := f.n.tip(), s.BlockHash.String()
	height := f.n.object("getblockheader", hash)["height"].(float64)
	invalid := []string{hash}
	for _, tip := range f.n.must("getchaintips").([]any) {
		entry := tip.(map[string]any)
		if entry["status"] != "active" && entry["status"] != "invalid" && entry["height"].(float64) >= height {
			invalid = append(invalid, f.rootOf(entry))
		}
	}
	slices.Reverse(invalid)
	for _, hash := range invalid {
		f.n.must("invalidateblock", hash)
	}
	require.Equal(f.t, f.n.object("getblockheader", hash)["previousblockhash"], f.n.tip(), s.Name)
	out := f.n.must("gettxout", s.OutPoint.Hash.String(), s.OutPoint.Index, false)
	require.Equal(f.t, s.Expected, out != nil, s.Name)
	slices.Reverse(invalid)
	for _, hash := range invalid {
		f.n.must("reconsiderblock", hash)
	}
	f.n.eventuallyTip(tip)
}

// rootOf returns the first block of the branch that ends with a tip.
func (f *fullBlocks) rootOf(tip map[string]any) string {
	hash := tip["hash"].(string)
	for range int(tip["branchlen"].(float64)) - 1 {
		hash = f.n.object("getblockheader", hash)["previousblockhash"].(string)
	}
	return hash
}

func (f *fullBlocks) run(steps []fullblocktests.TestInstance) {
	f.t.Helper()
	for _, step := range steps {
		switch s := step.(type) {
		case fullblocktests.AcceptedBlock:
			f.accept(s)
		case fullblocktests.RejectedBlock:
			f.reject(s)
		case fullblocktests.RejectedNonCanonicalBlock:
			f.refuseBytes(s)
		case fullblocktests.OrphanOrRejectedBlock:
			f.ignore(s)
		case fullblocktests.ExpectedTip:
			require.Equal(f.t, s.Block.BlockHash().String(), f.n.tip(), s.Name)
		case fullblocktests.BlockDisconnectExpectUTXO:
			f.afterDisconnect(s)
		default:
			require.Fail(f.t, "unknown step", "%T", step)
		}
	}
}

// The rules of blocks, as btcd's generator exercises them, in a running node.
func TestFullBlocksFromAPeer(t *testing.T) {
	t.Run("announced by strangers", func(t *testing.T) {
		f := newFullBlocks(t, false)
		// This includes a reorganisation of 1,088 blocks of 1 MB for as many
		// small ones, and back.
		f.runAll(true)
		require.Greater(t, f.hangUps, 40)
		f.n.stop()
	})
	t.Run("pushed by a noban peer", func(t *testing.T) {
		f := newFullBlocks(t, true, "-whitelist=noban@127.0.0.1", "-multiprocess=0")
		f.runAll(false)
		require.Zero(t, f.hangUps)
		f.n.stop()
	})
}

func (f *fullBlocks) runAll(largeReorg bool) {
	f.t.Helper()
	tests, err := fullblocktests.Generate(largeReorg)
	require.NoError(f.t, err)
	for _, steps := range tests {
		f.run(steps)
	}
}
