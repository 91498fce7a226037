package relay

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/download"
)

// downloads divides the download of blocks among peers. It goes by real time.
type downloads struct {
	mu      sync.Mutex // guards the fields below
	leases  *download.Leases
	senders blockSenders
	flights flights

	announcers announcers
	tellers    tellers
	stalling   stalling
	// waiting are those who found nothing to fetch when they asked last.
	waiting map[download.Holder]struct{}
}

func newDownloads() *downloads {
	return &downloads{
		leases:   download.New(download.DefaultConfig()),
		senders:  newBlockSenders(),
		flights:  flights{},
		tellers:  tellers{},
		stalling: newStalling(),
		waiting:  map[download.Holder]struct{}{},
	}
}

// grant leases at most max of the blocks that missing returns. It is asked
// under the lock: a block is leased until it is there.
func (d *downloads) grant(ctx context.Context, h download.Holder, max int, missing func() []chainhash.Hash) []chainhash.Hash {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ctx.Err() != nil {
		return nil
	}
	now := time.Now()
	free := slices.DeleteFunc(missing(), func(hash chainhash.Hash) bool { return d.tellers.another(hash, h, now) })
	return d.leases.Grant(h, free, max, now)
}

func (d *downloads) leased(hash chainhash.Hash) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.leases.Leased(hash)
}

// arrived notes who sends a block. The lease ends with delivered, when the
// block is known to be there: no other peer is to be asked for it meanwhile.
func (d *downloads) arrived(h download.Holder, hash chainhash.Hash) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.senders.of) < maxSenders {
		d.senders.of[hash] = h
	}
}

func (d *downloads) delivered(h download.Holder, hash chainhash.Hash) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.leases.Delivered(h, hash, time.Now()) {
		delete(d.stalling.since, h)
	}
	delete(d.flights, hash)
	delete(d.tellers, hash)
}

// spoiled ends the lease of a peer whose block is not the one it was asked for.
// What others owe, they still owe.
func (d *downloads) spoiled(h download.Holder, hash chainhash.Hash) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if owner, leased := d.leases.Holder(hash, now); leased && owner == h {
		d.leases.Delivered(h, hash, now)
	}
	d.flights.leave(hash, func(other download.Holder) bool { return other == h })
	delete(d.tellers, hash)
}

// takeSender forgets who sent a block, and returns it.
func (d *downloads) takeSender(hash chainhash.Hash) (sender download.Holder, known bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	sender, known = d.senders.of[hash]
	delete(d.senders.of, hash)
	return sender, known
}

func (d *downloads) addOffence(h download.Holder, reject *consensus.Reject) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.senders.offences[h] = reject
}

// takeOffence returns what is to be told to a peer about its earlier blocks.
func (d *downloads) takeOffence(h download.Holder) *consensus.Reject {
	d.mu.Lock()
	defer d.mu.Unlock()
	reject := d.senders.offences[h]
	delete(d.senders.offences, h)
	return reject
}

// peerGone takes back what a peer owed, and returns who may be asked for it.
func (d *downloads) peerGone(gone download.Holder) (wake []download.Holder) {
	d.mu.Lock()
	defer d.mu.Unlock()
	owed := d.leases.PeerGone(gone)
	d.forget(func(h download.Holder) bool { return h == gone })
	return d.wake(owed)
}

// givesBack takes back the blocks that a peer owed, which stays.
func (d *downloads) givesBack(h download.Holder) (wake []download.Holder) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.flights.forget(func(other download.Holder) bool { return other == h })
	delete(d.stalling.since, h)
	return d.wake(d.leases.PeerGone(h))
}

// wake returns who waits for blocks if some are free now. The lock is held.
func (d *downloads) wake(free int) (list []download.Holder) {
	if free == 0 {
		return nil
	}
	list = slices.Collect(maps.Keys(d.waiting))
	clear(d.waiting)
	return list
}

// waits notes whether a peer waits for blocks.
func (d *downloads) waits(ctx context.Context, h download.Holder, waits bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if delete(d.waiting, h); waits && ctx.Err() == nil && len(d.waiting) < maxSenders {
		d.waiting[h] = struct{}{}
	}
}

// forget forgets the peers that are gone. The lock is held.
func (d *downloads) forget(gone func(download.Holder) bool) {
	d.senders.forget(gone)
	d.flights.forget(gone)
	d.announcers.forget(gone)
	d.tellers.forget(gone)
	d.stalling.forget(gone)
	maps.DeleteFunc(d.waiting, func(h download.Holder, _ struct{}) bool { return gone(h) })
}

// workers names those for whom something is kept, some more than once.
func (d *downloads) workers() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	names := d.leases.Workers()
	for _, h := range d.senders.of {
		names = append(names, h.Worker)
	}
	for h := range d.senders.offences {
		names = append(names, h.Worker)
	}
	for _, flight := range append(slices.Collect(maps.Values(d.flights)), d.announcers) {
		for _, s := range flight {
			names = append(names, s.holder.Worker)
		}
	}
	return names
}

func (d *downloads) workerGone(instance string) (wake []download.Holder) {
	d.mu.Lock()
	defer d.mu.Unlock()
	owed := d.leases.WorkerGone(instance)
	d.forget(func(h download.Holder) bool { return h.Worker == instance })
	return d.wake(owed)
}
