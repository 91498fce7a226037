package relay

import (
	"fmt"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/node/download"
)

// How long a peer may keep the window of the download from moving on (Bitcoin
// Core's BLOCK_STALLING_TIMEOUT): if many do, it is our connection that is slow,
// and they get more time.
const (
	leastStall = 2 * time.Second
	mostStall  = 64 * time.Second
)

// stalling are the peers whose block the whole window waits for. It goes by the
// time that blocks are judged by, in whole seconds.
type stalling struct {
	since   map[download.Holder]int64
	timeout time.Duration
}

func newStalling() stalling {
	return stalling{since: map[download.Holder]int64{}, timeout: leastStall}
}

// blame notes that others wait for a peer. started tells that it is the first time,
// over that it was for too long: the next one gets twice the time.
func (s *stalling) blame(h download.Holder, now int64) (started, over bool) {
	since, known := s.since[h]
	switch {
	case !known:
		s.since[h] = now
		return true, false
	case time.Duration(now-since)*time.Second <= s.timeout:
		return false, false
	}
	delete(s.since, h)
	s.timeout = min(2*s.timeout, mostStall)
	return false, true
}

// relax shortens the time again as blocks come. It reports whether it did.
func (s *stalling) relax() bool {
	if s.timeout == leastStall {
		return false
	}
	s.timeout = max(s.timeout*85/100, leastStall)
	return true
}

func (s *stalling) forget(gone func(download.Holder) bool) {
	for h := range s.since {
		if gone(h) {
			delete(s.since, h)
		}
	}
}

// stalled is the state of who keeps the window from moving on.
type stalled struct {
	peer    download.Holder
	started bool
	over    bool
	timeout time.Duration // for the next one
}

// whoStalls notes who owes the first missing block while another peer finds none
// to fetch.
func (d *downloads) whoStalls(waiting download.Holder, first chainhash.Hash, now int64) (s stalled) {
	d.mu.Lock()
	defer d.mu.Unlock()
	owner, leased := d.leases.Holder(first, time.Now())
	if !leased || owner == waiting || d.senders.of[first] == owner {
		return s // or it is here, and waits for its turn
	}
	s.peer = owner
	s.started, s.over = d.stalling.blame(owner, now)
	s.timeout = d.stalling.timeout
	return s
}

// relax shortens the time for stalling as blocks are connected.
func (d *downloads) relax() (timeout time.Duration, changed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	changed = d.stalling.relax()
	return d.stalling.timeout, changed
}

// blameStaller ends the connection of a peer that keeps the window from moving on
// for too long.
func (r *Relay) blameStaller(waiting download.Holder, first chainhash.Hash) {
	s := r.downloads.whoStalls(waiting, first, r.cfg.Owner.Time())
	log := r.cfg.Log.With("cat", "net")
	switch {
	case s.started:
		log.Debug(fmt.Sprintf("Stall started peer=%d", s.peer.Peer))
	case s.over:
		log.Debug(fmt.Sprintf("Increased stalling timeout temporarily to %d seconds", s.timeout/time.Second))
		r.cfg.Feed.TellPeer(s.peer.Worker, p2p.PeerEvent{Peer: s.peer.Peer, Stalls: true})
	}
}
