package coins

import (
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/output"
)

// View collects what a block changes. It is dropped, or committed to its cache,
// and not used after that.
type View struct {
	cache   *Cache
	changes map[wire.OutPoint]entry
	replay  bool
}

// NewView returns a view without changes.
func (c *Cache) NewView() *View {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := &View{cache: c, changes: c.spare}
	if c.spare = nil; v.changes == nil {
		v.changes = map[wire.OutPoint]entry{}
	}
	return v
}

// NewReplay returns a view for repeating the steps of an interrupted flush:
// whether a coin is there already, or is gone already, does not matter.
func (c *Cache) NewReplay() *View {
	v := c.NewView()
	v.replay = true
	return v
}

// Get returns a coin, and whether there is one.
func (v *View) Get(op wire.OutPoint) (Coin, bool, error) {
	if e, changed := v.changes[op]; changed {
		return e.Coin, e.state&spent == 0, nil
	}
	return v.cache.Get(op)
}

// Spend takes a coin out and returns it. It fails with a *MissingError.
func (v *View) Spend(op wire.OutPoint) (Coin, error) {
	e, changed := v.changes[op]
	if changed {
		if e.state&spent != 0 {
			return Coin{}, &MissingError{op}
		}
		v.changes[op] = entry{state: spent | e.state&fresh}
		return e.Coin, nil
	}
	if v.replay {
		v.changes[op] = entry{state: spent}
		return Coin{}, nil
	}
	coin, there, err := v.cache.Get(op)
	if err != nil {
		return Coin{}, err
	}
	if !there {
		return Coin{}, &MissingError{op}
	}
	v.changes[op] = entry{state: spent}
	return coin, nil
}

// Add puts a coin in. fresh means that the rules of consensus rule out that
// there is, or was since the last flush, a coin of this name below.
func (v *View) Add(op wire.OutPoint, coin Coin, isFresh bool) {
	e := entry{Coin: coin}
	if _, changed := v.changes[op]; isFresh && !changed && !v.replay {
		e.state = fresh
	}
	v.changes[op] = e
}

// AddOutputs adds the outputs of a transaction that can be spent.
func (v *View) AddOutputs(tx *wire.MsgTx, txid chainhash.Hash, height int32, coinbase bool) {
	for i, out := range tx.TxOut {
		if output.Unspendable(out.PkScript) {
			continue
		}
		coin := Coin{Value: out.Value, Script: out.PkScript, Height: height, Coinbase: coinbase}
		// Two early coinbases exist twice (BIP30).
		v.Add(wire.OutPoint{Hash: txid, Index: uint32(i)}, coin, !coinbase)
	}
}

// RemoveOutputs takes out what AddOutputs added. It reports whether all of it
// was there unchanged.
func (v *View) RemoveOutputs(tx *wire.MsgTx, txid chainhash.Hash, height int32, coinbase bool) (clean bool, err error) {
	clean = true
	for i, out := range tx.TxOut {
		if output.Unspendable(out.PkScript) {
			continue
		}
		coin, err := v.Spend(wire.OutPoint{Hash: txid, Index: uint32(i)})
		if _, missing := err.(*MissingError); missing {
			clean = false
			continue
		}
		if err != nil {
			return false, err
		}
		if !v.replay && (coin.Value != out.Value || coin.Height != height || coin.Coinbase != coinbase || string(coin.Script) != string(out.PkScript)) {
			clean = false
		}
	}
	return clean, nil
}

// Cache returns what the view is of.
func (v *View) Cache() *Cache { return v.cache }

// Examine is Cache.Examine of the view's cache.
func (v *View) Examine(op wire.OutPoint) error { return v.cache.Examine(op) }

// Len is the number of coins that the view changes.
func (v *View) Len() int { return len(v.changes) }
