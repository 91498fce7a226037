package download

import (
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// Requests remembers which transactions peers were asked for, so that each is
// asked for once at a time.
type Requests struct {
	patience time.Duration
	limit    int
	asked    map[chainhash.Hash]request
	holders  map[Holder]map[chainhash.Hash]struct{}
}

type request struct {
	holder Holder
	at     time.Time
}

// NewRequests asks anew after patience and remembers at most limit requests.
func NewRequests(patience time.Duration, limit int) *Requests {
	return &Requests{patience: patience, limit: limit, asked: map[chainhash.Hash]request{}, holders: map[Holder]map[chainhash.Hash]struct{}{}}
}

// Ask reports whether a peer should be asked for a transaction now. If so, it
// counts as asked.
func (r *Requests) Ask(h Holder, hash chainhash.Hash, now time.Time) bool {
	if asked, ok := r.asked[hash]; ok {
		if now.Before(asked.at.Add(r.patience)) {
			return false
		}
		r.Done(hash)
	}
	if len(r.asked) >= r.limit {
		r.forget(now)
	}
	if len(r.asked) >= r.limit {
		return false
	}
	r.asked[hash] = request{h, now}
	if r.holders[h] == nil {
		r.holders[h] = map[chainhash.Hash]struct{}{}
	}
	r.holders[h][hash] = struct{}{}
	return true
}

// Done forgets a request that was answered.
func (r *Requests) Done(hash chainhash.Hash) {
	asked, ok := r.asked[hash]
	if !ok {
		return
	}
	delete(r.asked, hash)
	held := r.holders[asked.holder]
	delete(held, hash)
	if len(held) == 0 {
		delete(r.holders, asked.holder)
	}
}

// PeerGone forgets what a connection was asked for: others may be.
func (r *Requests) PeerGone(h Holder) {
	for hash := range r.holders[h] {
		delete(r.asked, hash)
	}
	delete(r.holders, h)
}

// WorkerGone forgets what all connections of a worker were asked for.
func (r *Requests) WorkerGone(worker string) {
	for h := range r.holders {
		if h.Worker == worker {
			r.PeerGone(h)
		}
	}
}

// Workers returns the workers that were asked for something, some more than
// once.
func (r *Requests) Workers() []string { return workers(r.holders) }

func (r *Requests) forget(now time.Time) {
	for hash, asked := range r.asked {
		if !now.Before(asked.at.Add(r.patience)) {
			r.Done(hash)
		}
	}
}
