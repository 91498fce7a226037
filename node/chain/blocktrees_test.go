package chain_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// census counts what trees were made of.
type census struct {
	inputs, trees, blocks, reorgs, deepest int
	refused                                map[string]int // by reason
}

func (c *census) noteReorg(depth int) {
	if depth > 0 {
		c.reorgs++
		c.deepest = max(c.deepest, depth)
	}
}

// twin is an implementation of the rules.
type twin interface {
	knows(hash chainhash.Hash) bool
	give(block *consensus.Block)
	tip() chainhash.Hash
	coin(op wire.OutPoint) (coins.Coin, bool)
}

// giver hands blocks to a twin in their order of arrival. A block whose parent
// is unknown waits for that: our engine refuses such a block, and btcd keeps
// it, but forgets some of those that wait for a parent when one of them
// proves invalid.
type giver struct {
	twin
	waiting map[chainhash.Hash][]*consensus.Block
}

func (g *giver) deliver(block *consensus.Block) {
	if parent := block.Header.PrevBlock; !g.knows(parent) {
		g.waiting[parent] = append(g.waiting[parent], block)
		return
	}
	g.give(block)
	if !g.knows(block.Hash) {
		return
	}
	next := g.waiting[block.Hash]
	delete(g.waiting, block.Hash)
	for _, block := range next {
		g.deliver(block)
	}
}

// forest is the two implementations and what they have been given.
type forest struct {
	t      testing.TB
	ours   *ourTwin
	us     giver
	btcd   giver
	ops    []wire.OutPoint // outputs of all blocks
	seen   map[wire.OutPoint]bool
	census *census
	story  []string // what happened, for when the two disagree
}

func newForest(t testing.TB, now int64, count *census) *forest {
	f := &forest{t: t, census: count, seen: map[wire.OutPoint]bool{}}
	f.ours = newOurTwin(t, now, count, f.tell)
	f.us = giver{f.ours, map[chainhash.Hash][]*consensus.Block{}}
	f.btcd = giver{newBtcdTwin(t, now, f.tell), map[chainhash.Hash][]*consensus.Block{}}
	return f
}

func (f *forest) tell(format string, args ...any) {
	f.story = append(f.story, fmt.Sprintf(format, args...))
}

// short is enough of a hash to tell blocks of a story apart.
func short(hash chainhash.Hash) string { return hash.String()[:8] }

// deliver gives both a block and compares their tips.
func (f *forest) deliver(block *consensus.Block, what string) {
	f.census.blocks++
	for _, tx := range block.Txs {
		for i := range tx.TxOut {
			op := wire.OutPoint{Hash: tx.ID, Index: uint32(i)}
			if !f.seen[op] {
				f.seen[op] = true
				f.ops = append(f.ops, op)
			}
		}
	}
	f.tell("%s on %s, %d transactions: %s", short(block.Hash), short(block.Header.PrevBlock), len(block.Txs), what)
	f.us.deliver(block)
	f.btcd.deliver(block)
	if f.us.tip() != f.btcd.tip() {
		f.t.Log("\n" + strings.Join(f.story, "\n"))
	}
	require.Equal(f.t, f.btcd.tip().String(), f.us.tip().String())
}

// compare compares the UTXO sets coin by coin, and returns how many there are.
func (f *forest) compare() (there int64) {
	for _, op := range f.ops {
		theirs, has := f.btcd.coin(op)
		ours, have := f.us.coin(op)
		if has != have || !same(theirs, ours) {
			require.Fail(f.t, "the UTXO sets differ", "%v: btcd has %v %+v, we %v %+v", op, has, theirs, have, ours)
		}
		if have {
			there++
		}
	}
	return there
}

func same(a, b coins.Coin) bool {
	return a.Value == b.Value && a.Height == b.Height && a.Coinbase == b.Coinbase && bytes.Equal(a.Script, b.Script)
}

// finish compares for the last time, and looks that our store has nothing that
// is in no block, and that the last blocks fit the undo data.
func (f *forest) finish() {
	require.Equal(f.t, f.compare(), chaintest.Statistics(f.t, f.ours.e, coins.HashNone).Outputs)
	_, _, err := f.ours.e.Verify(chain.VerifyConnect, 10)
	require.NoError(f.t, err)
}

// forestInputs is how many inputs there are to begin with, and forestBytes the
// length of each.
const forestInputs, forestBytes = 20, 12_000

// Trees of blocks, good and bad, of which the input decides everything, must
// lead our engine and btcd's to the same tip and the same UTXO set.
func FuzzBlockTrees(f *testing.F) {
	for seed := range uint64(forestInputs) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		input := make([]byte, forestBytes)
		for i := range input {
			input[i] = byte(rnd.UintN(256))
		}
		f.Add(input)
	}
	count := &census{refused: map[string]int{}}
	f.Fuzz(func(t *testing.T, input []byte) {
		count.inputs++
		growForest(t, input, count)
	})
	if count.inputs != forestInputs {
		return // some of the inputs were chosen by name
	}
	f.Logf("%d trees with %d blocks, %d reorganisations of up to %d blocks, refused: %v",
		count.trees, count.blocks, count.reorgs, count.deepest, count.refused)
	require.Greater(f, count.trees, 300)
	require.Greater(f, count.reorgs, 300)
	require.Greater(f, count.deepest, 5)
	require.Greater(f, len(count.refused), 30)
}
