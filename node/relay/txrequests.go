package relay

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/download"
	"github.com/bulkheadnode/bulkhead/node/txrequest"
)

// Delays before a peer is asked for what it announced, as Bitcoin Core's: each
// gives precedence to somebody better.
const (
	nonPreferredDelay = 2 * time.Second
	txidDelay         = 2 * time.Second // while others announce by wtxid
	overloadedDelay   = 2 * time.Second
)

// heardAtOnce is how many announcements are taken before others have a turn.
const heardAtOnce = 1000

// txRequests divides the download of transactions among peers, by the part's clock.
type txRequests struct {
	mu      sync.Mutex // guards the fields below; pool and orphans are asked under it
	tracker *txrequest.Tracker
	byWtxid map[download.Holder]struct{} // peers that announce by wtxid (BIP339)
}

func newTxRequests() *txRequests {
	return &txRequests{tracker: txrequest.New(rand.IntN), byWtxid: map[download.Holder]struct{}{}}
}

func txSource(ctx context.Context, from p2p.TxSource) txrequest.Source {
	return txrequest.Source{Peer: holder(ctx, from.Peer), Preferred: from.Preferred, Unlimited: from.Unlimited}
}

// wantTxs notes what a peer has announced, and picks what to ask it for now.
func (r *Relay) wantTxs(ctx context.Context, req p2p.WantTxsRequest) (reply p2p.WantTxsReply, err error) {
	if n := len(req.Txids) + len(req.Wtxids) + len(req.NotFound); n > p2p.MaxInventory {
		return reply, bus.Errorf(bus.KindBadMessage, "%d hashes", n)
	}
	from, now := txSource(ctx, req.From), r.cfg.Clock.Now()
	err = r.txs.during(ctx, func() { r.txs.hear(from.Peer, req.WtxidRelay) })
	if err != nil || r.chain.View().Initial {
		return reply, err
	}
	if reply.Known, err = r.announcedAll(ctx, from, req, now); err != nil {
		return reply, err
	}
	wake := r.txs.failed(from.Peer, now, req.NotFound...)
	turn := r.txs.come(from.Peer, now, func(name txrequest.Name) bool { return r.haveTx(name, false) })
	r.tellTxs(append(wake, turn.Wake...))
	r.logTurn(from.Peer, turn)
	for _, name := range turn.Ask {
		if name.Wtxid {
			reply.Wtxids = append(reply.Wtxids, name.Hash)
		} else {
			reply.Txids = append(reply.Txids, name.Hash)
		}
	}
	if !turn.Next.IsZero() {
		reply.Wait = max(turn.Next.Sub(now).Milliseconds(), 1)
	}
	return reply, nil
}

// announcedAll takes what a peer has announced, and returns the bits of what is known.
func (r *Relay) announcedAll(ctx context.Context, from txrequest.Source, req p2p.WantTxsRequest, now time.Time) ([]byte, error) {
	all := len(req.Txids) + len(req.Wtxids)
	known, orphans := make([]byte, (all+7)/8), map[chainhash.Hash]struct{}{}
	for first := 0; first < all; first += heardAtOnce {
		err := r.txs.during(ctx, func() {
			for i := first; i < min(first+heardAtOnce, all); i++ {
				var name txrequest.Name
				if i < len(req.Txids) {
					name = txrequest.Name{Hash: req.Txids[i]}
				} else {
					name = txrequest.Name{Hash: req.Wtxids[i-len(req.Txids)], Wtxid: true}
				}
				if r.announced(from, name, orphans, now) {
					known[i/8] |= 1 << (i % 8)
				}
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return known, nil
}

// announced takes one announcement, and reports whether the transaction is known. The
// parents of an orphan are many, and are looked up for those alone that are not among
// orphans yet. The lock of txs is held.
func (r *Relay) announced(from txrequest.Source, name txrequest.Name, orphans map[chainhash.Hash]struct{}, now time.Time) bool {
	if name.Wtxid {
		if _, twice := orphans[name.Hash]; twice {
			return true
		}
		if parents, kept := r.orphans.parentsFor(from.Peer, name.Hash); kept {
			orphans[name.Hash] = struct{}{}
			if parents = r.unknown(parents); len(parents) > 0 && r.txs.resolve(from, parents, now) {
				r.orphans.announce(name.Hash, from.Peer)
			}
			return true
		}
	}
	if r.haveTx(name, true) {
		return true
	}
	r.txs.announce(from, name, now)
	return false
}

// haveTx reports whether a transaction need not be asked for: we have it, had it
// lately, or refused it. What paid too little alone counts only if cheap is set: a
// child may have come that pays for it.
func (r *Relay) haveTx(name txrequest.Name, cheap bool) bool {
	inPool := r.pool.Get
	if name.Wtxid {
		inPool = r.pool.GetWitness
	}
	return inPool(name.Hash) != nil || r.orphans.known(name.Hash, cheap)
}

// unknown returns those of an orphan's parents that are worth asking for.
func (r *Relay) unknown(txids []chainhash.Hash) (left []chainhash.Hash) {
	for _, txid := range txids {
		if !r.haveTx(txrequest.Name{Hash: txid}, false) {
			left = append(left, txid)
		}
	}
	return left
}

// tellTxs has peers come and ask what to request.
func (r *Relay) tellTxs(list []download.Holder) {
	told := map[download.Holder]struct{}{}
	for _, h := range list {
		if _, twice := told[h]; !twice {
			told[h] = struct{}{}
			r.cfg.Feed.TellPeer(h.Worker, p2p.PeerEvent{Peer: h.Peer, Txs: true})
		}
	}
}

func (r *Relay) logTurn(peer download.Holder, turn txrequest.Turn) {
	log := r.cfg.Log.With("cat", "net")
	for _, late := range turn.Late {
		log.Debug(fmt.Sprintf("timeout of inflight %s %s from peer=%d", kind(late.Name), late.Name.Hash, late.Peer.Peer))
	}
	for _, name := range turn.Ask {
		log.Debug(fmt.Sprintf("Requesting %s %s peer=%d", kind(name), name.Hash, peer.Peer))
	}
}

func kind(name txrequest.Name) string {
	if name.Wtxid {
		return "wtx"
	}
	return "tx"
}

// Run offers the mempool the orphans whose parents came in a block, and those that a
// peer's call has left; and has peers come when the clock was set: what they wait for may be due.
func (r *Relay) Run(ctx context.Context) error {
	for {
		changed := r.cfg.Clock.Changed()
		r.tellTxs(r.txs.due(r.cfg.Clock.Now()))
		select {
		case <-changed:
		case <-r.orphansDue:
			if err := r.reconsider(ctx); err != nil && ctx.Err() == nil {
				r.cfg.Log.Warn(fmt.Sprintf("Orphans were not reconsidered: %v", err))
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// during runs fn under the lock, unless the peer's call has ended: then the peer may be
// gone, and nobody would forget what fn notes of it.
func (t *txRequests) during(ctx context.Context, fn func()) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	fn()
	return nil
}

// hear notes who announces by wtxid. The lock is held.
func (t *txRequests) hear(h download.Holder, byWtxid bool) {
	if byWtxid && len(t.byWtxid) < maxSenders {
		t.byWtxid[h] = struct{}{}
	}
}

// delay is how long a peer has to wait. The lock is held.
func (t *txRequests) delay(from txrequest.Source, wtxid bool) (d time.Duration) {
	if !from.Preferred {
		d += nonPreferredDelay
	}
	if !wtxid && len(t.byWtxid) > 0 {
		d += txidDelay
	}
	if t.tracker.Overloaded(from) {
		d += overloadedDelay
	}
	return d
}

// announce notes that a peer has a transaction. The lock is held.
func (t *txRequests) announce(from txrequest.Source, name txrequest.Name, now time.Time) {
	t.tracker.Announce(from, name, now.Add(t.delay(from, name.Wtxid)))
}

// resolve has a peer asked for the parents of an orphan, by txid: an input names
// nothing else. They are not asked for at once: who made up the child would learn
// from that which of them we have, and they may be on their way. It reports false if
// the peer has announced too much already. The lock is held.
func (t *txRequests) resolve(from txrequest.Source, parents []chainhash.Hash, now time.Time) bool {
	if !t.tracker.MayAnnounce(from, len(parents)) {
		return false
	}
	at := now.Add(t.delay(from, false))
	for _, txid := range parents {
		t.tracker.Announce(from, txrequest.Name{Hash: txid}, at)
	}
	return true
}

// candidates returns who may have a transaction, and forgets it. The lock is held.
func (t *txRequests) candidates(tx *consensus.Tx, from txrequest.Source) []txrequest.Source {
	all := slices.Concat([]txrequest.Source{from}, t.tracker.Candidates(tx.ID), t.tracker.Candidates(tx.WitnessID))
	seen := map[download.Holder]struct{}{}
	all = slices.DeleteFunc(all, func(s txrequest.Source) bool {
		_, twice := seen[s.Peer]
		seen[s.Peer] = struct{}{}
		return twice
	})
	t.tracker.Forget(tx.ID)
	t.tracker.Forget(tx.WitnessID)
	return all
}

func (t *txRequests) come(h download.Holder, now time.Time, have func(txrequest.Name) bool) txrequest.Turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.tracker.Come(h, now, have)
}

// failed notes that a peer answered without what it was asked for.
func (t *txRequests) failed(h download.Holder, now time.Time, hashes ...chainhash.Hash) (wake []download.Holder) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, hash := range hashes {
		wake = append(wake, t.tracker.Failed(h, hash, now)...)
	}
	return wake
}

// decided forgets what nobody is to be asked for any more.
func (t *txRequests) decided(hashes ...chainhash.Hash) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, hash := range hashes {
		t.tracker.Forget(hash)
	}
}

func (t *txRequests) connected(block *consensus.Block) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, tx := range block.Txs {
		t.tracker.Forget(tx.ID)
		t.tracker.Forget(tx.WitnessID)
	}
}

func (t *txRequests) due(now time.Time) []download.Holder {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.tracker.Due(now)
}

func (t *txRequests) forget(gone func(download.Holder) bool, now time.Time) (wake []download.Holder) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for h := range t.byWtxid {
		if gone(h) {
			delete(t.byWtxid, h)
		}
	}
	return t.tracker.Gone(gone, now)
}

func (t *txRequests) workers() (names []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, h := range t.tracker.Peers() {
		names = append(names, h.Worker)
	}
	for h := range t.byWtxid {
		names = append(names, h.Worker)
	}
	return names
}
