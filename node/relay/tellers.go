package relay

import (
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/download"
)

// Who tells of a block first is asked for it first: for so long no other peer is,
// and of so many blocks that is remembered.
const (
	firstAsked = 500 * time.Millisecond
	maxTellers = 64
)

// tellers are the peers that told of blocks first, lately.
type tellers map[chainhash.Hash]teller

type teller struct {
	peer download.Holder
	at   time.Time
}

// note remembers who told of a block first.
func (t tellers) note(hash chainhash.Hash, peer download.Holder, now time.Time) {
	if len(t) >= maxTellers {
		for old, by := range t {
			if now.Sub(by.at) > firstAsked {
				delete(t, old)
			}
		}
	}
	if len(t) < maxTellers {
		t[hash] = teller{peer, now}
	}
}

// another reports whether a peer has to wait, as another one told of the block a
// moment ago.
func (t tellers) another(hash chainhash.Hash, peer download.Holder, now time.Time) bool {
	by, told := t[hash]
	return told && by.peer != peer && now.Sub(by.at) < firstAsked
}

func (t tellers) forget(gone func(download.Holder) bool) {
	for hash, by := range t {
		if gone(by.peer) {
			delete(t, hash)
		}
	}
}

// toldFirst notes who told of a block that was unknown.
func (d *downloads) toldFirst(h download.Holder, hash chainhash.Hash) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tellers.note(hash, h, time.Now())
}
