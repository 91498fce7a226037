package follow_test

import (
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/wallet/follow"
)

// block of a world's chain.
type block struct {
	hash   chainhash.Hash
	height int32
	txs    []*wire.MsgTx // the first is the coinbase
}

// world is a chain and a mempool without consensus rules but one: an output is
// spent once.
type world struct {
	blocks  []*block                      // from genesis
	outputs map[wire.OutPoint]*wire.TxOut // ever made
	pool    []*wire.MsgTx                 // parents first
	nonce   uint32                        // makes transactions and blocks differ

	// What the node knows of the wallet.
	watched map[string]bool
	told    map[chainhash.Hash]bool
	seq     uint64
	events  []follow.Input // that the wallet has not read
}

func newWorld() *world {
	w := &world{outputs: map[wire.OutPoint]*wire.TxOut{}}
	w.forget()
	for range 3 {
		w.extend(nil, "x")
	}
	return w
}

// forget is what a new node, and one whose wallet is gone, does.
func (w *world) forget() {
	w.watched, w.told, w.events = map[string]bool{}, map[chainhash.Hash]bool{}, nil
}

func (w *world) tip() *block { return w.blocks[len(w.blocks)-1] }

func (w *world) tipInput() follow.Tip { return follow.Tip{Hash: w.tip().hash, Height: w.tip().height} }

// tx makes a transaction. Without inputs it spends a stranger's output.
func (w *world) tx(spends []wire.OutPoint, outs ...*wire.TxOut) *wire.MsgTx {
	w.nonce++
	tx := wire.NewMsgTx(2)
	tx.LockTime = w.nonce
	if spends == nil {
		spends = []wire.OutPoint{{Hash: chainhash.Hash{0xee}, Index: w.nonce}}
	}
	for i := range spends {
		tx.AddTxIn(wire.NewTxIn(&spends[i], nil, nil))
	}
	for _, out := range outs {
		tx.AddTxOut(out)
	}
	w.remember(tx)
	return tx
}

func (w *world) remember(tx *wire.MsgTx) {
	hash := tx.TxHash()
	for i, out := range tx.TxOut {
		w.outputs[wire.OutPoint{Hash: hash, Index: uint32(i)}] = out
	}
}

// extend puts a block on top, whose coinbase pays to a script.
func (w *world) extend(txs []*wire.MsgTx, coinbaseTo string) {
	coinbase := w.tx([]wire.OutPoint{{Index: wire.MaxPrevOutIndex}}, wire.NewTxOut(50, []byte(coinbaseTo)))
	b := &block{hash: chainhash.HashH(fmt.Append(nil, "block", w.nonce)), height: int32(len(w.blocks)), txs: append([]*wire.MsgTx{coinbase}, txs...)}
	w.blocks = append(w.blocks, b)
}

// relevant is what the node tells the wallet of.
func (w *world) relevant(tx *wire.MsgTx) bool {
	for _, out := range tx.TxOut {
		if w.watched[string(out.PkScript)] {
			return true
		}
	}
	for _, in := range tx.TxIn {
		if out := w.outputs[in.PreviousOutPoint]; out != nil && w.watched[string(out.PkScript)] {
			return true
		}
	}
	return false
}

// spenders returns what spends each output, of some transactions.
func spenders(txs []*wire.MsgTx) map[wire.OutPoint]*wire.MsgTx {
	spent := map[wire.OutPoint]*wire.MsgTx{}
	for _, tx := range txs {
		for _, in := range tx.TxIn {
			if in.PreviousOutPoint.Index != wire.MaxPrevOutIndex {
				spent[in.PreviousOutPoint] = tx
			}
		}
	}
	return spent
}

func (w *world) confirmed() (txs []*wire.MsgTx) {
	for _, b := range w.blocks {
		txs = append(txs, b.txs...)
	}
	return txs
}

// accept puts a transaction into the mempool, in place of those that spend the
// same, and reports whether it fits to the chain.
func (w *world) accept(tx *wire.MsgTx) bool {
	if slices.ContainsFunc(w.pool, func(p *wire.MsgTx) bool { return p.TxHash() == tx.TxHash() }) {
		return true
	}
	there := map[chainhash.Hash]bool{{0xee}: true}
	confirmed := w.confirmed()
	for _, p := range slices.Concat(confirmed, w.pool) {
		there[p.TxHash()] = true
	}
	spent := spenders(confirmed)
	for _, in := range tx.TxIn {
		if spent[in.PreviousOutPoint] != nil || !there[in.PreviousOutPoint.Hash] {
			return false
		}
	}
	rivals := spenders(w.pool)
	for _, in := range tx.TxIn {
		if rival := rivals[in.PreviousOutPoint]; rival != nil {
			w.evict(rival, false)
		}
	}
	w.pool = append(w.pool, tx)
	w.publish(tx, true, false)
	return true
}

func (w *world) publish(tx *wire.MsgTx, entered, byBlock bool) {
	hash := tx.TxHash()
	if entered && w.relevant(tx) {
		w.told[hash] = true
	}
	if !w.told[hash] {
		return
	}
	w.seq++
	w.events = append(w.events, follow.PoolEvent{Seq: w.seq, Tx: tx, Entered: entered, ByBlock: byBlock})
	if !entered {
		delete(w.told, hash)
	}
}

// evict takes a transaction and what descends from it out of the mempool, or
// only itself for a block.
func (w *world) evict(tx *wire.MsgTx, byBlock bool) {
	at := slices.Index(w.pool, tx)
	if at < 0 {
		return
	}
	w.pool = slices.Delete(slices.Clone(w.pool), at, at+1)
	if !byBlock {
		for i := range tx.TxOut {
			if child := spenders(w.pool)[wire.OutPoint{Hash: tx.TxHash(), Index: uint32(i)}]; child != nil {
				w.evict(child, false)
			}
		}
	}
	w.publish(tx, false, byBlock)
}

// mine puts a block with transactions on top; those of the mempool that
// conflict with them go.
func (w *world) mine(txs []*wire.MsgTx, coinbaseTo string) {
	w.extend(txs, coinbaseTo)
	for _, tx := range txs {
		rivals := spenders(w.pool)
		for _, in := range tx.TxIn {
			if rival := rivals[in.PreviousOutPoint]; rival != nil && rival.TxHash() != tx.TxHash() {
				w.evict(rival, false)
			}
		}
		for _, p := range w.pool {
			if p.TxHash() == tx.TxHash() {
				w.evict(p, true)
				break
			}
		}
	}
}

// mineAndTell is mine with the event of the tip.
func (w *world) mineAndTell(txs []*wire.MsgTx, coinbaseTo string) {
	w.mine(txs, coinbaseTo)
	w.events = append(w.events, w.tipInput())
}

// reorganise replaces the blocks above a height. What was in them goes back to
// the mempool if it can. tell is the order of the real node: mempool, then tip.
func (w *world) reorganise(height int32, branch func()) {
	gone := w.blocks[height+1:]
	w.blocks = slices.Clone(w.blocks[:height+1])
	branch()
	confirmed := map[chainhash.Hash]bool{}
	for _, tx := range w.confirmed() {
		confirmed[tx.TxHash()] = true
	}
	pool := w.pool
	w.pool = nil
	var back []*wire.MsgTx
	for _, b := range gone {
		back = append(back, b.txs[1:]...)
	}
	known := map[chainhash.Hash]bool{}
	for _, tx := range pool {
		known[tx.TxHash()] = true
	}
	for _, tx := range slices.Concat(back, pool) {
		hash := tx.TxHash()
		was := known[hash]
		events, told := w.events, w.told[hash]
		switch fits := !confirmed[hash] && w.fits(tx); {
		case fits && was:
			w.pool = append(w.pool, tx)
			w.events, w.told[hash] = events, told
		case fits:
			w.accept(tx)
		case was:
			w.publish(tx, false, confirmed[hash])
		}
	}
	w.events = append(w.events, w.tipInput())
}

// fits reports whether a transaction's inputs are there and unspent.
func (w *world) fits(tx *wire.MsgTx) bool {
	all := slices.Concat(w.confirmed(), w.pool)
	there := map[chainhash.Hash]bool{{0xee}: true}
	for _, p := range all {
		there[p.TxHash()] = true
	}
	spent := spenders(all)
	return !slices.ContainsFunc(tx.TxIn, func(in *wire.TxIn) bool {
		return spent[in.PreviousOutPoint] != nil || !there[in.PreviousOutPoint.Hash]
	})
}

// scan answers follow.Scan, with small items.
func (w *world) scan(e follow.Scan) (answer []follow.Input) {
	fork := w.blocks[0]
	for _, hash := range e.Locator {
		if i := slices.IndexFunc(w.blocks, func(b *block) bool { return b.hash == hash }); i >= 0 {
			fork = w.blocks[i]
			break
		}
	}
	item := func(b *block) follow.Scanned {
		return follow.Scanned{Request: e.Request, Hash: b.hash, Height: b.height, Time: int64(b.height), TipHeight: w.tip().height}
	}
	answer = append(answer, item(fork))
	for _, b := range w.blocks[fork.height+1:] {
		s := item(b)
		for i, tx := range b.txs {
			if !w.relevant(tx) {
				continue
			}
			if len(s.Txs) == 2 {
				s.Partial = true
				answer = append(answer, s)
				s = item(b)
			}
			s.Txs, s.Indexes = append(s.Txs, tx), append(s.Indexes, i)
		}
		if len(s.Txs) > 0 || b.height%3 == 0 || b == w.tip() {
			answer = append(answer, s)
		}
	}
	return append(answer, follow.ScanEnded{Request: e.Request})
}

// list answers follow.List.
func (w *world) list(e follow.List) (answer []follow.Input) {
	for _, tx := range w.pool {
		if w.relevant(tx) {
			w.told[tx.TxHash()] = true
			answer = append(answer, follow.Listed{Request: e.Request, Seq: w.seq, Txs: []*wire.MsgTx{tx}})
		}
	}
	if answer == nil {
		answer = append(answer, follow.Listed{Request: e.Request, Seq: w.seq})
	}
	return append(answer, follow.ListEnded(e))
}

// serve answers a request.
func (w *world) serve(e follow.Effect) []follow.Input {
	switch e := e.(type) {
	case follow.Watch:
		for _, script := range e.Scripts {
			w.watched[string(script)] = true
		}
		return []follow.Input{follow.Watched{Request: e.Request}}
	case follow.Scan:
		return w.scan(e)
	case follow.List:
		return w.list(e)
	case follow.Send:
		if w.accept(e.Tx) {
			return []follow.Input{follow.Sent{Request: e.Request}}
		}
		return []follow.Input{follow.Sent{Request: e.Request, Refusal: "it does not fit"}}
	}
	panic(fmt.Sprintf("%T", e))
}
