package relay

import (
	"context"
	"slices"
	"sync"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/internal/recent"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/download"
	"github.com/bulkheadnode/bulkhead/node/mempool"
	"github.com/bulkheadnode/bulkhead/node/orphanage"
)

// maxRecent bounds how many hashes of transactions are remembered that are not
// worth asking for: of those that were refused, and of those in recent blocks.
const maxRecent = 50_000

// orphans are transactions whose parents are missing, and what is known of others
// that are not in the mempool.
type orphans struct {
	mu   sync.Mutex // guards the fields below
	kept *orphanage.Orphanage
	// due are the wtxids of those in kept of which a parent has come.
	due []chainhash.Hash
	// refused are txids and wtxids of what the mempool refused since the last
	// block, cheap the wtxids of what paid too little alone, confirmed those of what
	// came in blocks lately.
	refused, cheap, confirmed recent.Set[chainhash.Hash]
}

func newOrphans() *orphans {
	return &orphans{kept: orphanage.New(), refused: recent.NewSet[chainhash.Hash](maxRecent), cheap: recent.NewSet[chainhash.Hash](maxRecent), confirmed: recent.NewSet[chainhash.Hash](maxRecent)}
}

// known reports whether a transaction need not be asked for: it is kept, was in a
// block lately, or was refused; if cheap is set, also if it paid too little alone. A
// txid is looked for as if it were a wtxid, which it is without a witness.
func (o *orphans) known(hash chainhash.Hash, cheap bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.kept.Get(hash) != nil || o.refused.Has(hash) || o.confirmed.Has(hash) || cheap && o.cheap.Has(hash)
}

// parentsFor returns the txids that an orphan spends from, none if the peer is one of
// those that are to be asked for them. Which of them are missing may have changed since it
// came.
func (o *orphans) parentsFor(peer download.Holder, wtxid chainhash.Hash) (txids []chainhash.Hash, kept bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	orphan := o.kept.Get(wtxid)
	if orphan == nil {
		return nil, false
	}
	if slices.Contains(orphan.Peers, peer) {
		return nil, true
	}
	return parentsOf(orphan.Tx), true
}

// announce notes that another peer has an orphan. The lock of txs is held.
func (o *orphans) announce(wtxid chainhash.Hash, peer download.Holder) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept.Announce(wtxid, peer)
}

// verdict is what became of a transaction since the last block.
type verdict int

const (
	unseen verdict = iota
	refusedLately
	cheapLately // it paid too little alone
)

func (o *orphans) lately(tx *consensus.Tx) verdict {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.refused.Has(tx.WitnessID):
		return refusedLately
	case o.cheap.Has(tx.WitnessID):
		return cheapLately
	}
	return unseen
}

// hopeless reports whether a transaction cannot be accepted before the next block
// whatever comes: a missing parent was refused, or two pay too little alone. It
// counts as refused then.
func (o *orphans) hopeless(tx *consensus.Tx, missing []chainhash.Hash) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	cheap := 0
	for _, parent := range unique(missing) {
		if o.cheap.Has(parent) {
			cheap++
		}
	}
	if cheap < 2 && !slices.ContainsFunc(missing, o.refused.Has) {
		return false
	}
	o.refused.Add(tx.ID)
	o.refused.Add(tx.WitnessID)
	return true
}

// keep keeps a transaction whose parents were missing. If one has been in a block since,
// or lately, which saw no child, it is due at once. The lock of txs is held.
func (o *orphans) keep(tx *consensus.Tx, missing []chainhash.Hash, peer download.Holder) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.kept.Add(tx, peer) && slices.ContainsFunc(missing, o.confirmed.Has) {
		o.makeDue(tx)
	}
}

// childFor returns an orphan of a peer that spends a transaction, and was not tried
// with it yet; nil if there is none.
func (o *orphans) childFor(parent *consensus.Tx, peer download.Holder) *consensus.Tx {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, orphan := range o.kept.ChildrenOf(parent, peer) {
		if !o.cheap.Has(packageHash(parent, orphan.Tx)) && !o.refused.Has(orphan.Tx.ID) {
			return orphan.Tx
		}
	}
	return nil
}

func (o *orphans) packageRejected(parent, child *consensus.Tx) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cheap.Add(packageHash(parent, child))
}

// accepted notes that a transaction's children may be good now.
func (o *orphans) accepted(tx *consensus.Tx) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept.Erase(tx.WitnessID)
	o.parentCame(tx)
}

// parentCame makes a transaction's children due. The lock is held.
func (o *orphans) parentCame(tx *consensus.Tx) {
	if o.kept.Len() == 0 {
		return
	}
	for _, child := range o.kept.Children(tx) {
		o.makeDue(child.Tx)
	}
}

// makeDue has an orphan offered to the mempool again. The lock is held.
func (o *orphans) makeDue(tx *consensus.Tx) {
	if len(o.due) < 2*orphanage.MaxScore {
		o.due = append(o.due, tx.WitnessID)
	}
}

// rejected notes that a transaction is not worth asking for again, and returns by
// which hashes. What depends on the witness or on the fee alone says nothing about
// others of the same txid.
func (o *orphans) rejected(tx *consensus.Tx, reject *consensus.Reject) (decided []chainhash.Hash) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept.Erase(tx.WitnessID)
	decided = []chainhash.Hash{tx.WitnessID}
	switch {
	case reject.Result == consensus.Conflict:
		return decided // it is here already
	case reject.Result == consensus.WitnessStripped:
		return nil // its txid, which is its wtxid, is that of another with the witness
	case reject.Result == consensus.Reconsiderable:
		o.cheap.Add(tx.WitnessID)
		return decided
	case reject.Result == consensus.InputsPolicy:
		o.refused.Add(tx.ID) // whatever the witness
		decided = append(decided, tx.ID)
	}
	o.refused.Add(tx.WitnessID)
	return decided
}

// connected forgets what is decided by a block, and returns how many orphans, and
// whether others are due.
func (o *orphans) connected(block *consensus.Block) (erased int, due bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refused.Clear()
	o.cheap.Clear()
	erased = o.kept.BlockConnected(block)
	for _, tx := range block.Txs {
		o.confirmed.Add(tx.ID)
		o.confirmed.Add(tx.WitnessID)
		o.parentCame(tx)
	}
	return erased, len(o.due) > 0
}

// disconnected makes transactions worth asking for that were in a block.
func (o *orphans) disconnected() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.confirmed.Clear()
}

// next returns an orphan of which a parent has come. It stays until it is known what
// becomes of it.
func (o *orphans) next() (orphan *consensus.Tx, peer download.Holder, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.due) > 0 {
		kept := o.kept.Get(o.due[0])
		o.due = o.due[1:]
		if kept != nil {
			return kept.Tx, kept.Peers[0], true
		}
	}
	return nil, peer, false
}

// putBack makes an orphan the next one again: nothing was decided.
func (o *orphans) putBack(tx *consensus.Tx) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.due = slices.Insert(o.due, 0, tx.WitnessID)
}

func (o *orphans) forget(gone func(download.Holder) bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept.Forget(gone)
}

func (o *orphans) workers() (names []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, peer := range o.kept.Peers() {
		names = append(names, peer.Worker)
	}
	return names
}

// Orphans returns the transactions that wait for their parents.
func (r *Relay) Orphans() (all []orphanage.Orphan) {
	r.orphans.mu.Lock()
	defer r.orphans.mu.Unlock()
	for _, orphan := range r.orphans.kept.All() {
		all = append(all, orphanage.Orphan{Tx: orphan.Tx, Peers: slices.Clone(orphan.Peers)})
	}
	return all
}

// reconsider offers the mempool the orphans whose parents have come, and then those
// whose parents these are. They are of any peers: if the one goes that brought a parent,
// and ctx ends with its call, Run sees to those that are left.
func (r *Relay) reconsider(ctx context.Context) error {
	for ctx.Err() == nil {
		tx, peer, ok := r.orphans.next()
		if !ok {
			return nil
		}
		if err := r.reconsiderOne(ctx, tx, peer); err != nil {
			r.orphans.putBack(tx)
			if ctx.Err() == nil {
				return err
			}
		}
	}
	r.orphansAreDue()
	return context.Cause(ctx)
}

// orphansAreDue has Run reconsider orphans.
func (r *Relay) orphansAreDue() {
	select {
	case r.orphansDue <- struct{}{}:
	default:
	}
}

func (r *Relay) reconsiderOne(ctx context.Context, tx *consensus.Tx, peer download.Holder) error {
	defer r.txSenders.add(tx.WitnessID, peer.Peer)()
	_, err := r.cfg.Owner.ProcessTx(ctx, tx, mempool.Options{})
	switch missing, reject, err := judged(err); {
	case err != nil:
		return err
	case missing != nil: // another parent is: it waits on
	case reject != nil:
		r.extra.add(tx)
		r.refused(tx, reject, peer.Peer)
	default:
		r.decided(tx)
		r.logPackages("   accepted orphan tx %s (wtxid=%s)", tx.ID, tx.WitnessID)
	}
	return nil
}
