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
	asked    map[chainhash.Hash]time.Time
}

// NewRequests asks anew after patience and remembers at most limit requests.
func NewRequests(patience time.Duration, limit int) *Requests {
	return &Requests{patience: patience, limit: limit, asked: map[chainhash.Hash]time.Time{}}
}

// Ask reports whether a transaction should be asked for now. If so, it counts
// as asked for.
func (r *Requests) Ask(hash chainhash.Hash, now time.Time) bool {
	if at, asked := r.asked[hash]; asked && now.Before(at.Add(r.patience)) {
		return false
	}
	if len(r.asked) >= r.limit {
		r.forget(now)
	}
	if len(r.asked) >= r.limit {
		return false
	}
	r.asked[hash] = now
	return true
}

// Done forgets a request that was answered.
func (r *Requests) Done(hash chainhash.Hash) { delete(r.asked, hash) }

func (r *Requests) forget(now time.Time) {
	for hash, at := range r.asked {
		if !now.Before(at.Add(r.patience)) {
			delete(r.asked, hash)
		}
	}
}
