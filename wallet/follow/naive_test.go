package follow_test

import (
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/wallet/ledger"
)

// naive computes balances from nothing but the chain, the mempool and what else
// the wallet has seen, without any of the ledger's code.
type naive struct {
	depth map[chainhash.Hash]int32 // of the confirmed
	pool  map[chainhash.Hash]bool
	all   []*wire.MsgTx // parents first, as far as they are confirmed or pooled
	byID  map[chainhash.Hash]*wire.MsgTx
	dead  map[chainhash.Hash]bool
}

func isMine(script []byte) bool { return len(script) > 0 && script[0] == 'm' }

// recompute takes the transactions of the wallet that are nowhere as others.
func recompute(w *world, others []*ledger.Tx) ledger.Balances {
	n := naive{
		depth: map[chainhash.Hash]int32{}, pool: map[chainhash.Hash]bool{}, byID: map[chainhash.Hash]*wire.MsgTx{}, dead: map[chainhash.Hash]bool{},
	}
	add := func(tx *wire.MsgTx) {
		n.all = append(n.all, tx)
		n.byID[tx.TxHash()] = tx
	}
	for _, b := range w.blocks {
		for _, tx := range b.txs {
			add(tx)
			n.depth[tx.TxHash()] = w.tip().height - b.height + 1
		}
	}
	for _, tx := range w.pool {
		add(tx)
		n.pool[tx.TxHash()] = true
	}
	abandoned := map[chainhash.Hash]bool{}
	for _, t := range others {
		if n.byID[t.Hash] == nil {
			add(t.Msg)
			abandoned[t.Hash] = t.Abandoned
		}
	}
	n.findDead()
	return n.balances(abandoned)
}

// findDead goes through all until nothing changes.
func (n *naive) findDead() {
	spentByBlock := map[wire.OutPoint]bool{}
	for _, tx := range n.all {
		for _, in := range tx.TxIn {
			if n.depth[tx.TxHash()] > 0 {
				spentByBlock[in.PreviousOutPoint] = true
			}
		}
	}
	for changed := true; changed; {
		changed = false
		for _, tx := range n.all {
			id := tx.TxHash()
			if n.depth[id] > 0 || n.dead[id] {
				continue
			}
			if slices.ContainsFunc(tx.TxIn, func(in *wire.TxIn) bool {
				return in.PreviousOutPoint.Index == wire.MaxPrevOutIndex || spentByBlock[in.PreviousOutPoint] || n.dead[in.PreviousOutPoint.Hash]
			}) {
				n.dead[id], changed = true, true
			}
		}
	}
}

func (n *naive) balances(abandoned map[chainhash.Hash]bool) (b ledger.Balances) {
	for _, tx := range n.all {
		id := tx.TxHash()
		if n.depth[id] == 0 && !n.pool[id] {
			continue
		}
		for i, out := range tx.TxOut {
			if !isMine(out.PkScript) || n.spent(wire.OutPoint{Hash: id, Index: uint32(i)}, abandoned) {
				continue
			}
			coinbase := tx.TxIn[0].PreviousOutPoint.Index == wire.MaxPrevOutIndex
			switch {
			case coinbase && n.depth[id] <= 100:
				b.Immature += out.Value
			case n.trusted(tx):
				b.Trusted += out.Value
			default:
				b.Untrusted += out.Value
			}
		}
	}
	return b
}

func (n *naive) spent(point wire.OutPoint, abandoned map[chainhash.Hash]bool) bool {
	for _, tx := range n.all {
		id := tx.TxHash()
		if !spendsOutput(tx, point) {
			continue
		}
		if n.depth[id] > 0 || n.pool[id] || !abandoned[id] && !n.dead[id] && !n.replaced(tx) {
			return true
		}
	}
	return false
}

func spendsOutput(tx *wire.MsgTx, point wire.OutPoint) bool {
	return slices.ContainsFunc(tx.TxIn, func(in *wire.TxIn) bool { return in.PreviousOutPoint == point })
}

// replaced reports whether the mempool has a rival of a transaction that is
// nowhere, or of what it descends from.
func (n *naive) replaced(tx *wire.MsgTx) bool {
	id := tx.TxHash()
	if n.depth[id] > 0 || n.pool[id] {
		return false
	}
	for _, in := range tx.TxIn {
		for _, rival := range n.all {
			if n.pool[rival.TxHash()] && spendsOutput(rival, in.PreviousOutPoint) {
				return true
			}
		}
		if parent := n.byID[in.PreviousOutPoint.Hash]; parent != nil && n.replaced(parent) {
			return true
		}
	}
	return false
}

func (n *naive) trusted(tx *wire.MsgTx) bool {
	if n.depth[tx.TxHash()] > 0 {
		return true
	}
	return !slices.ContainsFunc(tx.TxIn, func(in *wire.TxIn) bool {
		parent := n.byID[in.PreviousOutPoint.Hash]
		return parent == nil || !isMine(parent.TxOut[in.PreviousOutPoint.Index].PkScript) || !n.trusted(parent)
	})
}
