package relay

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/node/download"
)

const (
	// headersRecent is how old the best header may be, in seconds, for all peers to
	// be asked for theirs: there are few to come.
	headersRecent = 24 * 60 * 60
	// leadPatience is how long the first download of headers waits for one peer,
	// and leadPerHeader how much longer for each that is to come, as Bitcoin Core's;
	// leadIdle is how long it waits for the next of its messages.
	leadPatience  = 15 * time.Minute
	leadPerHeader = time.Millisecond
	leadIdle      = time.Minute
	// leadTrial is how long it waits for the first of them if we did not choose the peer
	// and there is one that we chose.
	leadTrial = 2 * time.Second
	// leadSlack is how much later another peer begins in any case: before, the session of
	// the one that is too slow is to have given it up.
	leadSlack = 2 * time.Minute
)

// lead is the one peer that the headers of an old chain are downloaded from: a
// dozen peers would bring the same hundred megabytes, and bring them twice while
// they show their work. It goes by real time.
type lead struct {
	mu      sync.Mutex // guards the fields below
	peer    *download.Holder
	trial   time.Time                // until when it is to tell something; zero if it has, or is preferred
	until   time.Time                // in all
	idle    time.Time                // when its next message is to be there
	waiting map[download.Holder]bool // those who want to begin, and whether they are preferred
	joined  chainhash.Hash           // the block for which another peer was asked last
}

// begin reports whether a peer's headers are to be asked for. If not, it is woken
// when they are.
func (l *lead) begin(ctx context.Context, h download.Holder, preferred bool, patience time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ctx.Err() != nil {
		return false
	}
	now := time.Now()
	yields := preferred && !l.trial.IsZero() && !now.Before(l.trial)
	if l.peer != nil && *l.peer != h && now.Before(l.until) && now.Before(l.idle) && !yields {
		if len(l.waiting) < maxSyncs {
			l.waiting[h] = preferred
		}
		return false
	}
	delete(l.waiting, h)
	if l.peer == nil || *l.peer != h {
		l.peer, l.until, l.trial = &h, now.Add(patience+leadSlack), time.Time{}
		if !preferred {
			l.trial = now.Add(leadTrial)
		}
	}
	l.idle = now.Add(leadIdle)
	return true
}

// again is when a peer that may not begin is to ask again by itself, in which time; 0 if
// there is none.
func (l *lead) again(preferred bool) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !preferred || l.peer == nil || l.trial.IsZero() {
		return 0
	}
	return max(time.Until(l.trial), time.Millisecond)
}

// joins reports whether a peer that has not begun is to be asked for headers because it
// announced a block: one for each block, so that a lead that says nothing is not all we
// hear, nor everybody's headers come.
func (l *lead) joins(block chainhash.Hash) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.joined == block {
		return false
	}
	l.joined = block
	return true
}

// late reports whether a peer that had its time has to make room for another, which is
// among those to wake then; over, that it does not lead any more.
func (l *lead) late(h download.Holder) (late, over bool, wake []download.Holder) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.peer == nil || *l.peer != h {
		return false, true, nil
	}
	for other, preferred := range l.waiting {
		late = late || preferred && other != h
	}
	if late {
		wake = l.finish()
	}
	return late, false, wake
}

// finish lets others begin. The mutex is held.
func (l *lead) finish() []download.Holder {
	l.peer = nil
	wake := slices.Collect(maps.Keys(l.waiting))
	clear(l.waiting)
	return wake
}

// goesOn notes that a peer has told headers.
func (l *lead) goesOn(h download.Holder) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.peer != nil && *l.peer == h {
		l.idle, l.trial = time.Now().Add(leadIdle), time.Time{}
	}
}

// end is called when all headers of a peer are there, or it is gone, and returns
// those who waited for that.
func (l *lead) end(over func(download.Holder) bool) (wake []download.Holder) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.peer == nil || !over(*l.peer) {
		return nil
	}
	return l.finish()
}

func (l *lead) forget(gone func(download.Holder) bool) (wake []download.Holder) {
	l.mu.Lock()
	maps.DeleteFunc(l.waiting, func(h download.Holder, _ bool) bool { return gone(h) })
	l.mu.Unlock()
	return l.end(gone)
}

// mayBegin reports whether a peer's headers are to be asked for now, and how long it has
// for them, zero for any time; or else in which time it may ask again, zero if it is told.
func (r *Relay) mayBegin(ctx context.Context, h download.Holder, preferred bool) (patience time.Duration, ok bool) {
	best, now := r.chain.View().BestHeader, r.cfg.Owner.Time()
	if best.Time > now-headersRecent {
		return 0, true
	}
	expected := time.Duration((now - best.Time) / r.cfg.Params.Spacing)
	patience = leadPatience + expected*leadPerHeader
	if !r.lead.begin(ctx, h, preferred, patience) {
		return r.lead.again(preferred), false
	}
	return patience, true
}

// overdue reports whether a peer that had its time has to make room for another.
func (r *Relay) overdue(h download.Holder) (late, over bool) {
	if r.chain.View().BestHeader.Time > r.cfg.Owner.Time()-headersRecent {
		return false, true
	}
	late, over, wake := r.lead.late(h)
	r.wakeHeaders(wake)
	return late, over
}

// beginAll lets all begin once there are few headers to come, whoever told those
// that there are.
func (r *Relay) beginAll() {
	if r.chain.View().BestHeader.Time > r.cfg.Owner.Time()-headersRecent {
		r.wakeHeaders(r.lead.end(func(download.Holder) bool { return true }))
	}
}

// headersEnd lets others begin when a peer has told all its headers.
func (r *Relay) headersEnd(h download.Holder) {
	r.wakeHeaders(r.lead.end(func(other download.Holder) bool { return other == h }))
}

func (r *Relay) wakeHeaders(list []download.Holder) {
	for _, h := range list {
		r.cfg.Feed.TellPeer(h.Worker, p2p.PeerEvent{Peer: h.Peer, Headers: true})
	}
}
