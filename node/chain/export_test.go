package chain

import (
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/coins"
)

// BeginAt lets a new engine begin at a block of which no more is known than
// its hash, height, time and target, with a UTXO set that goes to the store.
// The headers below it are made up, but for the hash of the one that the rules
// know by name (BIP34).
func (e *Engine) BeginAt(tip chainhash.Hash, height int32, end time.Time, bits uint32, set map[wire.OutPoint]coins.Coin) error {
	n := e.View().Tip()
	for h := int32(1); h <= height; h++ {
		header := wire.BlockHeader{
			Version: 2, PrevBlock: n.Hash, Bits: bits, Nonce: uint32(h),
			Timestamp: end.Add(-time.Duration(height-h) * time.Duration(e.params.Spacing) * time.Second),
		}
		hash := header.BlockHash()
		switch h {
		case height:
			hash = tip
		case e.params.BIP34Height:
			hash = e.params.BIP34Hash
		}
		n = newNode(&header, hash, n)
		n.txCount, n.chainTx = 1, int64(h)+1
		e.tree.nodes[hash] = n
	}
	view := e.coins.NewView()
	for op, coin := range set {
		view.Add(op, coin, false)
	}
	e.coins.Commit(view, tip)
	e.loadCandidates(n)
	e.loadView(n, end.Unix())
	return e.coins.Flush()
}

// GiveUpFlush lets a flush under way end before its time, as Leave does.
func (e *Engine) GiveUpFlush() { e.writing.giveUp() }
