package follow

import (
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/wallet/ledger"
)

// Scripts is the wallet's side of what is watched: which descriptors it has is
// its own affair.
type Scripts interface {
	// All returns every script that is to be watched.
	All() [][]byte
	// Use notes that a script was paid to. It returns scripts that are to be
	// watched from now on too, and whether what is stored about keys changed.
	Use(script []byte) (fresh [][]byte, used bool, err error)
	// Told notes that the node watches scripts.
	Told(scripts [][]byte)
}

// Follower is one wallet's state.
type Follower struct {
	ledger  *ledger.Ledger
	scripts Scripts
	at      Position
	stored  Position // on disk: what is confirmed up to it is there too

	request request // under way
	numbers uint64  // of requests
	paused  bool    // until NodeUp or Retry

	// What is left to do.
	unwatched [][]byte
	behind    bool // the chain is to be scanned
	unlisted  bool // the mempool is to be listed
	unsent    bool // payments that are nowhere are to be sent
	queue     []chainhash.Hash

	scans   uint64                    // that were begun
	leaving map[chainhash.Hash]uint64 // scans when a transaction began to be Leaving
	dirty   map[chainhash.Hash]struct{}
	moved   int // blocks since the position was saved
	effects []Effect
	now     int64
}

// kind of a request.
type kind uint8

const (
	nothing kind = iota
	watching
	scanning
	listing
	sending
)

// request is the one under way.
type request struct {
	kind   kind
	number uint64

	scripts [][]byte // watching

	// Scanning.
	scan   uint64         // its number among scans
	begun  bool           // the fork is known
	from   int32          // the fork's height
	to     int32          // the tip's height
	newest chainhash.Hash // tip that was heard of meanwhile, zero if none

	payment chainhash.Hash // sending

	// Listing.
	seq    uint64
	listed map[chainhash.Hash]struct{}
	since  []poolChange // events that came meanwhile
}

// New returns the state of a wallet that has come to a position and knows what
// is in the ledger. It waits for NodeUp, and is in sync with nothing before.
func New(l *ledger.Ledger, scripts Scripts, at Position) *Follower {
	f := &Follower{
		ledger: l, scripts: scripts, at: at, stored: at, paused: true,
		leaving: map[chainhash.Hash]uint64{}, dirty: map[chainhash.Hash]struct{}{},
	}
	l.SetTip(at.Height)
	return f
}

// Position is how far the chain was followed.
func (f *Follower) Position() Position { return f.at }

// Stored is the position on disk. In the middle of a scan it is below Position:
// whatever else is stored then must not raise it.
func (f *Follower) Stored() Position { return f.stored }

// InSync reports whether nothing is left to do: what the ledger says is what
// the node said when it was last asked for its tip.
func (f *Follower) InSync() bool {
	return f.request.kind == nothing && !f.paused && len(f.unwatched) == 0 && !f.behind && !f.unlisted && !f.unsent && len(f.queue) == 0
}

// Progress tells how far a scan has come; false if none is under way.
func (f *Follower) Progress() (from, to int32, underWay bool) {
	r := &f.request
	return r.from, r.to, r.kind == scanning && r.begun && f.at.Height < r.to
}

// Step takes an input at a time, in Unix seconds. The effects are to be carried
// out in their order. An error is fatal: keys cannot be derived.
func (f *Follower) Step(in Input, now int64) ([]Effect, error) {
	f.effects, f.now = nil, now
	if err := f.take(in); err != nil {
		return nil, err
	}
	f.next()
	return f.effects, nil
}

func (f *Follower) take(in Input) error {
	switch in := in.(type) {
	case NodeUp, EventsLost:
		f.startOver()
	case Tip:
		f.heardOfTip(in)
	case PoolEvent:
		return f.poolEvent(in)
	case Retry:
		f.paused = false
	case MoreScripts:
		f.unwatched = append(f.unwatched, in.Scripts...)
	case Pay:
		entry := f.ledger.Add(ledger.Tx{Msg: in.Tx, Hash: in.Tx.TxHash(), Own: true, Received: f.now})
		f.emit(Save{Txs: []ledger.Tx{*entry}, Position: f.stored})
	case Paid:
		f.paid(in)
	case Abandon:
		f.abandon(in.Hash)
	default:
		return f.answer(in)
	}
	return nil
}

// answer takes what came of the request under way.
func (f *Follower) answer(in Input) error {
	number := func(r uint64) bool { return r == f.request.number && f.request.kind != nothing }
	switch in := in.(type) {
	case Watched:
		if number(in.Request) {
			f.scripts.Told(f.request.scripts)
			f.request = request{}
		}
	case Scanned:
		if number(in.Request) {
			return f.scanned(in)
		}
	case ScanEnded:
		if number(in.Request) {
			f.scanEnded()
		}
	case Listed:
		if number(in.Request) {
			return f.listed(in)
		}
	case ListEnded:
		if number(in.Request) {
			f.listEnded()
		}
	case Sent:
		if number(in.Request) {
			f.sent(in)
		}
	case Failed:
		if number(in.Request) {
			f.failed(in)
		}
	}
	return nil
}

func (f *Follower) emit(e Effect) { f.effects = append(f.effects, e) }

// startOver makes everything necessary that a node that knows nothing needs.
func (f *Follower) startOver() {
	f.giveUp()
	f.paused = false
	f.unwatched = f.scripts.All()
	f.behind, f.unlisted, f.unsent = true, true, true
	f.queue = nil
}

// giveUp ends the request under way.
func (f *Follower) giveUp() {
	if f.request.kind != nothing {
		f.emit(Cancel{Request: f.request.number})
		f.request = request{}
	}
}

// failed makes what the request was for necessary again, after a pause.
func (f *Follower) failed(in Failed) {
	switch f.request.kind {
	case watching:
		f.unwatched = append(f.request.scripts, f.unwatched...)
	case scanning:
		f.behind = true
	case listing:
		f.unlisted = true
	case sending:
		f.unsent = true
		f.queue = nil
	}
	f.request = request{}
	if in.Forgotten {
		f.startOver()
	}
	f.paused = true
	f.emit(Wait{Reason: in.Reason})
}

func (f *Follower) heardOfTip(tip Tip) {
	if f.request.kind == scanning {
		f.request.newest = tip.Hash
		return
	}
	f.behind = f.behind || tip.Hash != f.at.Hash()
}

// next begins what is most urgent of what is left to do.
func (f *Follower) next() {
	if f.request.kind != nothing || f.paused {
		return
	}
	if len(f.queue) == 0 && f.unsent && len(f.unwatched) == 0 && !f.behind && !f.unlisted {
		f.unsent = false
		for _, t := range f.ledger.Unsent() {
			f.queue = append(f.queue, t.Hash)
		}
	}
	f.numbers++
	number := f.numbers
	switch {
	case len(f.unwatched) > 0:
		f.request = request{kind: watching, number: number, scripts: f.unwatched}
		f.unwatched = nil
		f.emit(Watch{Request: number, Scripts: f.request.scripts})
	case f.behind:
		f.scans++
		f.behind = false
		f.request = request{kind: scanning, number: number, scan: f.scans, from: f.at.Height}
		f.emit(Scan{Request: number, Locator: f.at.Locator})
	case f.unlisted:
		f.unlisted = false
		f.request = request{kind: listing, number: number, listed: map[chainhash.Hash]struct{}{}}
		f.emit(List{Request: number})
	default:
		f.sendNext(number)
	}
}

// sendNext sends the next payment that is still nowhere.
func (f *Follower) sendNext(number uint64) {
	for len(f.queue) > 0 {
		t := f.ledger.Get(f.queue[0])
		f.queue = f.queue[1:]
		if t != nil && t.Block == nil && t.Pool == ledger.Outside && !t.Abandoned {
			f.request = request{kind: sending, number: number, payment: t.Hash}
			f.emit(Send{Request: number, Tx: t.Msg})
			return
		}
	}
}

func (f *Follower) sent(in Sent) {
	hash := f.request.payment
	f.request = request{}
	if in.Refusal != "" {
		f.emit(Refused{Hash: hash, Reason: in.Refusal})
	}
}

// paid takes what came of sending a new payment. What the node has refused was
// never anywhere.
func (f *Follower) paid(in Paid) {
	t := f.ledger.Get(in.Hash)
	switch {
	case t == nil:
	case in.Refused && t.Block == nil && t.Pool == ledger.Outside:
		f.ledger.Forget(in.Hash)
		delete(f.dirty, in.Hash)
		f.emit(Save{Forget: []chainhash.Hash{in.Hash}, Position: f.stored})
	case in.Unknown:
		f.unsent = true
	}
}

func (f *Follower) abandon(hash chainhash.Hash) {
	if t := f.ledger.Get(hash); t != nil {
		if changed := f.ledger.Abandon(t); changed != nil {
			f.emit(Save{Txs: copies(changed), Position: f.stored})
		}
	}
}

// enter makes a transaction known and notes the keys that it pays to.
func (f *Follower) enter(tx *wire.MsgTx, received int64) (*ledger.Tx, error) {
	hash := tx.TxHash()
	t := f.ledger.Get(hash)
	if t == nil {
		t = f.ledger.Add(ledger.Tx{Msg: tx, Hash: hash, Received: received})
		f.dirty[hash] = struct{}{}
	}
	for _, out := range tx.TxOut {
		fresh, used, err := f.scripts.Use(out.PkScript)
		if err != nil {
			return nil, err
		}
		if used {
			f.dirty[hash] = struct{}{}
		}
		if len(fresh) > 0 {
			// What uses these may be in the chain and in the mempool already.
			f.unwatched = append(f.unwatched, fresh...)
			f.behind, f.unlisted = true, true
		}
	}
	return t, nil
}

// save writes what has changed, and how far the wallet has come.
func (f *Follower) save() {
	f.stored = f.at
	save := Save{Position: f.stored}
	for hash := range f.dirty {
		if t := f.ledger.Get(hash); t != nil {
			save.Txs = append(save.Txs, *t)
		}
	}
	clear(f.dirty)
	f.moved = 0
	sortTxs(save.Txs)
	f.emit(save)
}
