package follow

import (
	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/wallet/ledger"
)

// maxSince bounds the events that are kept while the mempool is listed.
const maxSince = 1 << 20

// poolChange is what an event did.
type poolChange struct {
	seq   uint64
	hash  chainhash.Hash
	state ledger.PoolState
}

// poolEvent takes an event of the mempool.
func (f *Follower) poolEvent(in PoolEvent) error {
	change := poolChange{seq: in.Seq, hash: in.Tx.TxHash(), state: ledger.Outside}
	switch {
	case in.Entered:
		if _, err := f.enter(in.Tx, f.now); err != nil {
			return err
		}
		change.state = ledger.Inside
	case in.ByBlock:
		change.state = ledger.Leaving
	}
	f.apply(change)
	if f.request.kind == listing {
		f.request.since = append(f.request.since, change)
		if len(f.request.since) > maxSince {
			f.giveUp()
			f.unlisted = true
		}
	}
	if len(f.dirty) > 0 && f.request.kind != scanning {
		f.save()
	}
	return nil
}

// apply notes where a transaction is now in regard to the mempool.
func (f *Follower) apply(c poolChange) {
	t := f.ledger.Get(c.hash)
	if t == nil {
		return
	}
	delete(f.leaving, c.hash)
	if t.Abandoned && c.state == ledger.Inside {
		f.dirty[c.hash] = struct{}{}
	}
	f.ledger.SetPool(t, c.state)
	if c.state == ledger.Leaving {
		f.leaving[c.hash] = f.scans
		f.behind = true
	}
}

// listed takes one item of the list of the mempool.
func (f *Follower) listed(in Listed) error {
	f.request.seq = in.Seq
	for _, tx := range in.Txs {
		t, err := f.enter(tx, f.now)
		if err != nil {
			return err
		}
		f.request.listed[t.Hash] = struct{}{}
	}
	return nil
}

// listEnded replaces what was known of the mempool. What is no longer there
// may be in a block that was not scanned yet.
func (f *Follower) listEnded() {
	r := f.request
	f.request = request{}
	for _, t := range f.ledger.Pooled() {
		if _, there := r.listed[t.Hash]; !there && t.Pool == ledger.Inside {
			f.apply(poolChange{hash: t.Hash, state: ledger.Leaving})
		}
	}
	for hash := range r.listed {
		f.apply(poolChange{hash: hash, state: ledger.Inside})
	}
	for _, change := range r.since {
		if change.seq > r.seq {
			f.apply(change)
		}
	}
	if len(f.dirty) > 0 {
		f.save()
	}
}
