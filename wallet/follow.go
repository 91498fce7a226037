package wallet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/wallet/ledger"
)

const (
	scanBlocks    = 2000 // per call
	watchScripts  = 10_000
	maxLocator    = 64
	retryPause    = 500 * time.Millisecond
	catchPatience = time.Hour
	// noteworthy is how many blocks a scan must cover to be logged.
	noteworthy = 144
)

// leftForBlock is the reason why a transaction leaves the mempool that a block
// confirmed.
const leftForBlock = "block"

// follow keeps the wallet up to date until ctx ends.
func (w *wallet) follow(ctx context.Context, conn *bus.Conn) error {
	sub, err := conn.Subscribe(ctx, msg.TipChanged.Name(), msg.WatchedTx.Name()+w.env.Name, msg.LinkUp.Name())
	if err != nil {
		return err
	}
	w.conn, w.sub = conn, sub
	close(w.started)
	for {
		if err := w.catchUpNow(ctx); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			w.log.With("cat", "walletdb").Debug(fmt.Sprintf("Wallet %q cannot follow the chain now: %v", w.cfg.Name, err))
			if err := pause(ctx, retryPause); err != nil {
				return err
			}
			continue
		}
		if err := sub.Wait(ctx); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *wallet) catchUpNow(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.catchUp(ctx)
}

// catchUp takes in everything that the node had published before it answers
// with its tip. The caller holds the lock.
func (w *wallet) catchUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, catchPatience)
	defer cancel()
	tip, err := msg.GetTip.Call(ctx, w.conn, bus.None{})
	if err != nil {
		return err
	}
	if err := w.takeEvents(); err != nil {
		return err
	}
	if !w.registered {
		return w.register(ctx)
	}
	if len(w.state.Locator) == 0 || w.state.Locator[0] != tip.Hash {
		return w.scan(ctx)
	}
	return nil
}

// takeEvents applies what has been published. A gap, or a new node, means
// that the node's view has to be read afresh.
func (w *wallet) takeEvents() error {
	for {
		ev, ok := w.sub.TryNext()
		if !ok {
			return nil
		}
		if ev.Gap > 0 {
			w.registered = false
		}
		switch {
		case msg.LinkUp.Matches(ev):
			entry, err := msg.LinkUp.Decode(ev)
			if err != nil {
				return err
			}
			if entry.Role == "node" {
				w.registered = false
			}
		case ev.Topic == msg.WatchedTx.Name()+w.env.Name:
			watched, err := msg.WatchedTx.Decode(ev)
			if err != nil {
				return err
			}
			if err := w.mempoolChange(watched); err != nil {
				return err
			}
		}
	}
}

func (w *wallet) mempoolChange(ev msg.WatchedTxEvent) error {
	if !ev.Added {
		// One that left for a block counts until the scan has found the block;
		// otherwise its inputs would look unspent for a moment.
		if ev.Reason != leftForBlock {
			w.books.LeaveMempool(ev.Txid)
		}
		return nil
	}
	if len(ev.Attached) != 1 {
		return fmt.Errorf("mempool event with %d transactions", len(ev.Attached))
	}
	entry, _, err := w.enter(ev.Attached[0], nil)
	if err != nil {
		return err
	}
	return w.store.Save(w.state, []*ledger.Tx{entry})
}

// enter puts a transaction into the books: confirmed in a block, or in the
// mempool. news tells that it used a key beyond those known to be used.
func (w *wallet) enter(raw []byte, block *ledger.Block) (entry *ledger.Tx, news bool, err error) {
	tx := &wire.MsgTx{}
	if err := tx.Deserialize(bytes.NewReader(raw)); err != nil {
		return nil, false, fmt.Errorf("transaction from the node: %w", err)
	}
	received := w.env.Clock.Now().Unix()
	if block != nil {
		received = min(received, max(block.Time, 0))
	}
	entry = w.books.Put(ledger.Tx{Msg: tx, Hash: tx.TxHash(), Block: block, InMempool: block == nil, Received: received})
	for _, out := range tx.TxOut {
		news = w.used(out.PkScript) || news
	}
	if news {
		err = w.derive()
	}
	return entry, news, err
}

// register tells the node our scripts, catches up with the chain and the
// mempool, and sends our unconfirmed payments again.
func (w *wallet) register(ctx context.Context) error {
	w.unwatched = w.unwatched[:0]
	for script := range w.paths {
		w.unwatched = append(w.unwatched, []byte(script))
	}
	if err := w.watch(ctx); err != nil {
		return err
	}
	if err := w.scan(ctx); err != nil {
		return err
	}
	pool, err := msg.WatchedMempool.Call(ctx, w.conn, bus.None{})
	if err != nil {
		return err
	}
	for _, t := range w.books.All() {
		w.books.LeaveMempool(t.Hash)
	}
	var changed []*ledger.Tx
	for _, raw := range pool.Attached {
		entry, _, err := w.enter(raw, nil)
		if err != nil {
			return err
		}
		changed = append(changed, entry)
	}
	if err := w.store.Save(w.state, changed); err != nil {
		return err
	}
	// What a block took from the mempool since the first scan is in that block.
	if err := w.scan(ctx); err != nil {
		return err
	}
	w.registered = true
	return w.resend(ctx)
}

// watch tells the node the scripts it does not know of yet.
func (w *wallet) watch(ctx context.Context) error {
	for len(w.unwatched) > 0 {
		n := min(len(w.unwatched), watchScripts)
		if _, err := msg.WatchScripts.Call(ctx, w.conn, msg.WatchRequest{Scripts: w.unwatched[:n]}); err != nil {
			return err
		}
		w.unwatched = w.unwatched[n:]
	}
	return nil
}

func (w *wallet) resend(ctx context.Context) error {
	for _, t := range w.books.Unconfirmed() {
		if t.InMempool {
			continue
		}
		err := w.broadcast(ctx, t)
		switch {
		case err == nil:
			t.InMempool = true
		case errors.Is(err, &bus.Error{Kind: msg.KindTxRejected}):
			w.log.Warn(fmt.Sprintf("Wallet %q: payment %s was refused: %v", w.cfg.Name, t.Hash, err))
		default:
			return err
		}
	}
	return nil
}

func (w *wallet) broadcast(ctx context.Context, t *ledger.Tx) error {
	var raw bytes.Buffer
	if err := t.Msg.Serialize(&raw); err != nil {
		return err
	}
	_, err := msg.BroadcastTx.Call(ctx, w.conn, msg.BroadcastRequest{Frames: bus.Frames{Attached: [][]byte{raw.Bytes()}}})
	return err
}

// scan follows the best chain to its tip.
func (w *wallet) scan(ctx context.Context) error {
	from := w.state.Height
	began := time.Now()
	for {
		done, err := w.scanSome(ctx)
		if err != nil {
			return err
		}
		if done {
			break
		}
		if time.Since(began) > 5*time.Second {
			w.log.Info(fmt.Sprintf("Wallet %q: still rescanning, at block %d", w.cfg.Name, w.state.Height))
			began = time.Now()
		}
	}
	if w.state.Height > from+noteworthy {
		w.log.Info(fmt.Sprintf("Wallet %q: rescanned blocks %d to %d", w.cfg.Name, from+1, w.state.Height))
	}
	return nil
}

// scanSome asks for one range of blocks. If a transaction used keys that make
// us watch more, the range is asked for again with those.
func (w *wallet) scanSome(ctx context.Context) (done bool, err error) {
	var changed []*ledger.Tx // in any round: what one rewinds, the next finds rewound
	for {
		r, err := msg.ScanBlocks.Call(ctx, w.conn, msg.ScanRequest{Locator: w.state.Locator, Max: scanBlocks})
		if err != nil {
			return false, err
		}
		touched, news, err := w.apply(r)
		if err != nil {
			return false, err
		}
		changed = append(changed, touched...)
		if news && len(w.unwatched) > 0 {
			if err := w.watch(ctx); err != nil {
				return false, err
			}
			continue
		}
		w.state.Locator = advance(w.state.Locator, r.ForkHash, r.LastHash)
		w.state.Height = r.LastHeight
		w.books.SetTip(r.LastHeight)
		return r.LastHash == r.TipHash, w.store.Save(w.state, changed)
	}
}

func (w *wallet) apply(r msg.ScanReply) (changed []*ledger.Tx, news bool, err error) {
	changed = w.books.Rewind(r.ForkHeight)
	next := 0
	for _, b := range r.Blocks {
		for _, index := range b.Indexes {
			if next >= len(r.Attached) {
				return nil, false, fmt.Errorf("scan reply misses transactions")
			}
			entry, used, err := w.enter(r.Attached[next], &ledger.Block{Hash: b.Hash, Height: b.Height, Time: b.Time, Index: index})
			if err != nil {
				return nil, false, err
			}
			next++
			news = news || used
			changed = append(changed, entry)
		}
	}
	return changed, news, nil
}

// advance drops what is above the fork and puts the last block on top. Of old
// entries ever fewer are kept.
func advance(locator []chainhash.Hash, fork, last chainhash.Hash) []chainhash.Hash {
	if i := slices.Index(locator, fork); i >= 0 {
		locator = locator[i:]
	} else {
		locator = []chainhash.Hash{fork}
	}
	if locator[0] != last {
		locator = append([]chainhash.Hash{last}, locator...)
	}
	if len(locator) > maxLocator {
		const recent = maxLocator / 2
		kept := slices.Clone(locator[:recent])
		for i := recent; i < len(locator); i += 2 {
			kept = append(kept, locator[i])
		}
		locator = kept
	}
	return locator
}
