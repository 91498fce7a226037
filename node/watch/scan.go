package watch

import (
	"context"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// quietBlocks is how many blocks without relevant transactions are scanned
// until the wallet hears how far the scan has come.
const quietBlocks = 200

// scan serves msg.ScanBlocks.
func (w *Watch) scan(ctx context.Context, req msg.ScanRequest, send func(msg.ScanItem) error) error {
	if len(req.Locator) > msg.MaxLocator {
		return bus.Errorf(bus.KindBadMessage, "a locator of %d hashes", len(req.Locator))
	}
	view := w.source.Chain.View()
	fork := w.fork(view, req.Locator)
	if h := w.source.Chain.Background(); h != nil && fork.Height < h.Base().Height {
		// Below a loaded UTXO set not all blocks are there to be scanned.
		view = h.View()
		fork = w.fork(view, req.Locator)
	}
	s := scanner{watch: w, instance: bus.CallerFrom(ctx).Instance, tip: view.Height(), send: send}
	if err := send(s.item(fork)); err != nil {
		return err
	}
	for at := view.Next(fork); at != nil; at = view.Next(at) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.block(at); err != nil {
			return err
		}
	}
	return nil
}

// fork returns the last block of a chain that is in a locator, genesis if none
// is.
func (w *Watch) fork(view *chain.View, locator []chainhash.Hash) *chain.BlockNode {
	for _, hash := range locator {
		if at := w.source.Chain.Lookup(hash); at != nil && view.Contains(at) {
			return at
		}
	}
	return view.At(0)
}

// scanner makes the items of one scan.
type scanner struct {
	watch    *Watch
	instance string
	tip      int32
	quiet    int // blocks since the last item
	send     func(msg.ScanItem) error
}

func (s *scanner) item(at *chain.BlockNode) msg.ScanItem {
	return msg.ScanItem{Hash: at.Hash, Height: at.Height, Time: at.Time, TipHeight: s.tip}
}

// block sends the relevant transactions of a block, if there are any or if an
// item is due.
func (s *scanner) block(at *chain.BlockNode) error {
	block, err := s.watch.source.Chain.ReadBlock(at)
	if err != nil {
		return err
	}
	undo, err := s.watch.source.Chain.ReadUndo(at)
	if err != nil {
		return err
	}
	item, size := s.item(at), 0
	for i, tx := range block.Txs {
		var spent []coins.Coin
		if i > 0 {
			spent = undo[i-1]
		}
		if !s.watch.registry.relevant(s.instance, tx, spent) {
			continue
		}
		raw := tx.Raw()
		if isFull(len(item.Attached), size, len(raw)) {
			item.Partial = true
			if err := s.send(item); err != nil {
				return err
			}
			item, size = s.item(at), 0
		}
		item.Indexes = append(item.Indexes, i)
		item.Attached = append(item.Attached, raw)
		size += len(raw)
	}
	// It may have been taken for gone meanwhile. Nothing was relevant then.
	if !s.watch.registry.watches(s.instance) {
		return bus.Errorf(msg.KindNotWatching, "the node knows no scripts of %s", s.instance)
	}
	if s.quiet++; item.Attached == nil && s.quiet < quietBlocks && at.Height < s.tip {
		return nil
	}
	s.quiet = 0
	return s.send(item)
}

// isFull reports whether an item of so many transactions and bytes has no room
// for another one.
func isFull(txs, size, another int) bool {
	return txs > 0 && (txs >= msg.MaxItemTxs || size+another > msg.MaxItemBytes)
}

// list serves msg.WatchedMempool. Which transactions are in the mempool is
// read at one moment; looking up what they spend takes longer, and the node
// goes on meanwhile.
func (w *Watch) list(ctx context.Context, _ bus.None, send func(msg.WatchedMempoolItem) error) error {
	instance := bus.CallerFrom(ctx).Instance
	var txs []*consensus.Tx
	var item msg.WatchedMempoolItem
	var of *watcher
	err := w.source.Frozen(ctx, func() (err error) {
		entries, _ := w.source.Pool.Entries()
		ids := make([]chainhash.Hash, len(entries))
		for i, e := range entries {
			txs, ids[i] = append(txs, e.Tx), e.Tx.ID
		}
		of, item.Seq, err = w.registry.beginList(instance, ids)
		return err
	})
	if err != nil {
		return err
	}
	defer w.registry.endList(of)
	size := 0
	for _, tx := range txs {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !w.registry.list(instance, of, tx, w.spentBy(tx)) {
			continue
		}
		raw := tx.Raw()
		if isFull(len(item.Attached), size, len(raw)) {
			if err := send(item); err != nil {
				return err
			}
			item.Attached, size = nil, 0
		}
		item.Attached = append(item.Attached, raw)
		size += len(raw)
	}
	return send(item)
}

// spentBy finds the coins that a transaction of the mempool spends. Those
// that are gone, because a block has spent them meanwhile, are left out: the
// transaction is then in that block, or out of the mempool.
func (w *Watch) spentBy(tx *consensus.Tx) []coins.Coin {
	var spent []coins.Coin
	for _, in := range tx.TxIn {
		op := in.PreviousOutPoint
		if parent := w.source.Pool.Get(op.Hash); parent != nil && int64(op.Index) < int64(len(parent.Tx.TxOut)) {
			out := parent.Tx.TxOut[op.Index]
			spent = append(spent, coins.Coin{Value: out.Value, Script: out.PkScript})
			continue
		}
		if coin, there, err := w.source.Coin(op); err == nil && there {
			spent = append(spent, coin)
		}
	}
	return spent
}
