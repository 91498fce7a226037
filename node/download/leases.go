package download

import (
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// Window is how far beyond the tip blocks are leased: as many as may arrive
// out of order.
const Window = 1024

// Config sizes leases.
type Config struct {
	PerPeer  int           // blocks a peer may owe at once
	Patience time.Duration // for the first block a peer owes; see Leases
}

// DefaultConfig lets a peer owe the whole window (how much it is asked for at
// a time is for the session, which knows how large the blocks are), and a
// minute for each block.
func DefaultConfig() Config { return Config{PerPeer: Window, Patience: time.Minute} }

// Holder is a connection: the instance of the worker and the peer's number.
type Holder struct {
	Worker string
	Peer   int64
}

// lease is a block that a holder owes. Blocks of one peer are expected one
// after the other: a lease's time runs from when the one before was delivered.
type lease struct {
	holder   Holder
	deadline time.Time
}

// Leases tells who owes which block.
type Leases struct {
	cfg     Config
	blocks  map[chainhash.Hash]*lease
	holders map[Holder]map[chainhash.Hash]struct{}
}

// New returns Leases without any.
func New(cfg Config) *Leases {
	return &Leases{cfg: cfg, blocks: map[chainhash.Hash]*lease{}, holders: map[Holder]map[chainhash.Hash]struct{}{}}
}

// Grant leases up to max of the missing blocks, which the peer has, in their
// order. Those that somebody owes already are left out.
func (l *Leases) Grant(h Holder, missing []chainhash.Hash, max int, now time.Time) (granted []chainhash.Hash) {
	l.Expire(now)
	max = min(max, l.cfg.PerPeer-len(l.holders[h]))
	for _, hash := range missing {
		if len(granted) >= max {
			break
		}
		if l.blocks[hash] != nil {
			continue
		}
		granted = append(granted, hash)
		l.begin(h, hash, now)
	}
	return granted
}

func (l *Leases) begin(h Holder, hash chainhash.Hash, now time.Time) {
	l.blocks[hash] = &lease{holder: h, deadline: now.Add(l.cfg.Patience)}
	if l.holders[h] == nil {
		l.holders[h] = map[chainhash.Hash]struct{}{}
	}
	l.holders[h][hash] = struct{}{}
}

// Demand leases a block to h, whoever owed it before and whatever h owes; not if that
// is the block. It reports whether it did.
func (l *Leases) Demand(h Holder, hash chainhash.Hash, now time.Time) bool {
	if owner, leased := l.Holder(hash, now); leased {
		if owner == h {
			return false
		}
		l.end(hash, l.blocks[hash])
	}
	l.begin(h, hash, now)
	return true
}

// Delivered ends the lease of a block that has arrived, from any peer. The
// other blocks that its holder owes get their time anew. It reports whether the
// block was leased to h.
func (l *Leases) Delivered(h Holder, hash chainhash.Hash, now time.Time) bool {
	owed := l.blocks[hash]
	if owed == nil {
		return false
	}
	l.end(hash, owed)
	for other := range l.holders[owed.holder] {
		l.blocks[other].deadline = now.Add(l.cfg.Patience)
	}
	return owed.holder == h
}

func (l *Leases) end(hash chainhash.Hash, owed *lease) {
	delete(l.blocks, hash)
	held := l.holders[owed.holder]
	delete(held, hash)
	if len(held) == 0 {
		delete(l.holders, owed.holder)
	}
}

// PeerGone ends all leases of a connection and returns how many there were.
func (l *Leases) PeerGone(h Holder) int {
	held := l.holders[h]
	for hash := range held {
		delete(l.blocks, hash)
	}
	delete(l.holders, h)
	return len(held)
}

// WorkerGone ends all leases of a worker's connections.
func (l *Leases) WorkerGone(worker string) int {
	count := 0
	for h := range l.holders {
		if h.Worker == worker {
			count += l.PeerGone(h)
		}
	}
	return count
}

// Workers returns the workers that owe a block, some more than once.
func (l *Leases) Workers() []string { return workers(l.holders) }

func workers(holders map[Holder]map[chainhash.Hash]struct{}) (names []string) {
	for h := range holders {
		names = append(names, h.Worker)
	}
	return names
}

// Expire ends the leases whose time is over and returns who held them.
func (l *Leases) Expire(now time.Time) []Holder {
	var late []Holder
	for h, held := range l.holders {
		for hash := range held {
			if now.After(l.blocks[hash].deadline) {
				late = append(late, h)
				break
			}
		}
	}
	for _, h := range late {
		l.PeerGone(h)
	}
	return late
}

// Owed returns how many blocks a connection owes.
func (l *Leases) Owed(h Holder) int { return len(l.holders[h]) }

// Holder returns who owes a block.
func (l *Leases) Holder(hash chainhash.Hash, now time.Time) (h Holder, leased bool) {
	l.Expire(now)
	owed := l.blocks[hash]
	if owed == nil {
		return h, false
	}
	return owed.holder, true
}

// Leased reports whether somebody owes a block.
func (l *Leases) Leased(hash chainhash.Hash) bool { return l.blocks[hash] != nil }
