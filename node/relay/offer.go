package relay

import (
	"context"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/download"
)

// offerPatience is how long a block is awaited from one who offered it first: a
// worker has the whole block when it offers one.
const offerPatience = 2 * time.Second

// offerBlock asks for a block that is not there yet, one copy at a time: three
// peers that bring 4 MB each would keep other questions waiting for longer than
// it takes to look at them.
func (r *Relay) offerBlock(ctx context.Context, req p2p.OfferBlockRequest) (reply p2p.OfferBlockReply, err error) {
	from := holder(ctx, req.Peer)
	for {
		if at := r.chain.Lookup(req.Hash); at != nil && r.chain.Info(at).HaveBlock {
			defer r.downloads.delivered(from, req.Hash)
			reply.Verdict, err = r.awaitBlock(ctx, at)
			return reply, err
		}
		first := r.downloads.offered(from, req.Hash)
		if first == nil {
			return p2p.OfferBlockReply{Wanted: true}, nil
		}
		patience := time.NewTimer(offerPatience)
		select {
		case <-first.done:
		case <-patience.C:
			r.downloads.givenUp(first, req.Hash)
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		patience.Stop()
		if err != nil {
			return reply, err
		}
	}
}

// awaitBlock tells what became of a block that is stored.
func (r *Relay) awaitBlock(ctx context.Context, at *chain.BlockNode) (reply p2p.SubmitReply, err error) {
	reply.Hash = at.Hash
	verdict, err := r.cfg.Owner.AwaitBlock(ctx, at)
	if err == nil && verdict.Reject != nil {
		describeRefusal(&reply, verdict.Reject, false)
	}
	return reply, err
}

// arrivals are the large blocks that one who offered them is to hand over.
type arrivals map[chainhash.Hash]*arrival

type arrival struct {
	from download.Holder
	done chan struct{} // closed when it is processed, or will not come
}

// end lets those go on who wait for a block.
func (a arrivals) end(hash chainhash.Hash) {
	if ended := a[hash]; ended != nil {
		close(ended.done)
		delete(a, hash)
	}
}

// forget lets nobody wait for those who are gone.
func (a arrivals) forget(gone func(download.Holder) bool) {
	for hash, arrival := range a {
		if gone(arrival.from) {
			a.end(hash)
		}
	}
}

// offered notes who is to hand a block over, and returns who is already.
func (d *downloads) offered(from download.Holder, hash chainhash.Hash) (earlier *arrival) {
	d.mu.Lock()
	defer d.mu.Unlock()
	// Who owes the block waits for nobody, and nobody for itself.
	owner, leased := d.leases.Holder(hash, time.Now())
	if earlier = d.coming[hash]; earlier != nil && (earlier.from == from || leased && owner == from) {
		return nil
	}
	if earlier != nil || len(d.coming) >= maxSenders {
		return earlier
	}
	d.coming[hash] = &arrival{from: from, done: make(chan struct{})}
	return nil
}

// handedOver ends the wait for a block that has been processed, whatever became
// of it: another's copy may be right if this one was not.
func (d *downloads) handedOver(from download.Holder, hash chainhash.Hash) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if a := d.coming[hash]; a != nil && a.from == from {
		d.coming.end(hash)
	}
}

// givenUp ends the wait for one who does not hand over what it offered.
func (d *downloads) givenUp(a *arrival, hash chainhash.Hash) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.coming[hash] == a {
		d.coming.end(hash)
	}
}
