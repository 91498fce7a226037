package follow

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/wallet/ledger"
)

const (
	// saveTxs and saveBlocks are how much a crash in the middle of a scan makes
	// it do again.
	saveTxs    = 1000
	saveBlocks = 5000
	// noteworthy is how many blocks a scan must cover to be told of: a day's.
	noteworthy = 144
)

// scanned takes one item of a scan.
func (f *Follower) scanned(in Scanned) error {
	r := &f.request
	r.to = max(in.TipHeight, in.Height)
	if !r.begun {
		r.begun = true
		f.rewind(in.Hash, in.Height)
		r.from = f.at.Height
		return nil
	}
	if in.Height <= f.at.Height || len(in.Indexes) != len(in.Txs) {
		f.giveUp()
		f.behind, f.paused = true, true
		f.emit(Wait{Reason: fmt.Sprintf("the scan's item for height %d does not fit to height %d", in.Height, f.at.Height)})
		return nil
	}
	for i, tx := range in.Txs {
		t, err := f.enter(tx, min(f.now, max(in.Time, 0)))
		if err != nil {
			return err
		}
		if f.ledger.Confirm(t, ledger.Block{Hash: in.Hash, Height: in.Height, Time: in.Time, Index: in.Indexes[i]}) {
			f.dirty[t.Hash] = struct{}{}
		}
	}
	if len(f.unwatched) > 0 {
		// This block, too, may hold more than the node knew to look for.
		f.giveUp()
		f.behind = true
		return nil
	}
	if in.Partial {
		return nil
	}
	f.moved += int(in.Height - f.at.Height)
	f.at = f.at.advanced(in.Hash, in.Height)
	f.ledger.SetTip(in.Height)
	if len(f.dirty) >= saveTxs || f.moved >= saveBlocks {
		f.save()
	}
	return nil
}

// rewind takes back what is confirmed above the fork. The position on disk is
// lowered first: whatever happens then, these blocks are scanned again.
func (f *Follower) rewind(fork chainhash.Hash, height int32) {
	lowered := fork != f.at.Hash()
	f.at = f.at.rewound(fork, height)
	f.ledger.SetTip(height)
	changed := f.ledger.Rewind(height)
	if !lowered && len(changed) == 0 {
		return
	}
	if f.stored.Height > height || f.stored.Height == height && f.stored.Hash() != fork {
		f.stored = f.at
		f.emit(Save{Position: f.stored})
	}
	for _, t := range changed {
		if t.Pool == ledger.Leaving {
			// This very scan decides.
			f.leaving[t.Hash] = f.request.scan - 1
		}
		delete(f.dirty, t.Hash)
	}
	if len(changed) > 0 {
		f.emit(Save{Txs: copies(changed), Position: f.stored})
	}
	f.unsent = f.unsent || lowered
}

// scanEnded: the wallet is at the tip that the chain had when the scan began.
func (f *Follower) scanEnded() {
	r := f.request
	f.request = request{}
	if !r.begun {
		f.behind, f.paused = true, true
		f.emit(Wait{Reason: "the scan ended before it began"})
		return
	}
	for hash, since := range f.leaving {
		if since >= r.scan {
			continue
		}
		delete(f.leaving, hash)
		if t := f.ledger.Get(hash); t != nil && t.Pool == ledger.Leaving {
			f.ledger.SetPool(t, ledger.Outside)
		}
	}
	if len(f.dirty) > 0 || f.moved > 0 {
		f.save()
	}
	f.behind = f.behind || r.newest != chainhash.Hash{} && r.newest != f.at.Hash()
	// What was refused may be right now: while a node catches up, it lacks coins.
	f.unsent = f.unsent || f.at.Height > r.from && len(f.ledger.Unsent()) > 0
	if f.at.Height > r.from+noteworthy {
		f.emit(Rescanned{From: r.from + 1, To: f.at.Height})
	}
}

func copies(txs []*ledger.Tx) []ledger.Tx {
	list := make([]ledger.Tx, len(txs))
	for i, t := range txs {
		list[i] = *t
	}
	return list
}

func sortTxs(txs []ledger.Tx) {
	slices.SortFunc(txs, func(a, b ledger.Tx) int {
		return cmp.Or(cmp.Compare(a.Received, b.Received), slices.Compare(a.Hash[:], b.Hash[:]))
	})
}
