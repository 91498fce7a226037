package relay

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
	"github.com/bulkheadnode/bulkhead/node/privatebroadcast"
)

const (
	// againInterval is the least pause between two looks at what is stale, againSpread how
	// much longer it may be, by chance.
	againInterval, againSpread = 2 * time.Minute, time.Minute
	// reachPatience is how long a transaction waits for the manager's first word, after
	// the start, whether there is a way to send it.
	reachPatience = 5 * time.Second
)

// private is what is known of the sending of our user's transactions by connections of
// their own, beside the queue.
type private struct {
	heard chan struct{} // closed when the manager has told whether there is a way
	look  chan time.Duration

	mu        sync.Mutex // guards the fields below
	told      bool       // heard is closed
	reachable bool
}

func newPrivate() *private {
	return &private{heard: make(chan struct{}), look: make(chan time.Duration)}
}

func (r *Relay) handlePrivate(mux *bus.Mux) {
	msg.Of(p2p.TakePrivate).Handle(mux, r.takePrivate)
	msg.Of(p2p.ConfirmPrivate).Handle(mux, r.confirmPrivate)
	msg.WantPrivate.Handle(mux, r.wantPrivate)
}

func (r *Relay) logPrivate(format string, args ...any) {
	r.cfg.Log.With("cat", "privatebroadcast").Debug(fmt.Sprintf(format, args...))
}

// SendPrivately has a transaction sent by connections of its own, if the mempool would
// take it and it does not pay more than maxRate satoshi per 1000 vbytes, zero for any
// rate. It enters the mempool when it comes back. What the mempool has already is sent as
// the mempool has it: that has been verified.
func (r *Relay) SendPrivately(ctx context.Context, tx *consensus.Tx, maxRate int64) error {
	if !r.reaches(ctx) {
		return privatebroadcast.ErrNoWay
	}
	if entry := r.pool.Get(tx.ID); entry != nil {
		tx = entry.Tx
	} else if _, err := r.cfg.Owner.ProcessTx(ctx, tx, mempool.Options{Test: true, MaxRate: mempool.Rate(maxRate)}); err != nil {
		return err
	}
	switch r.cfg.Private.Add(tx) {
	case privatebroadcast.Full:
		r.logPrivate("Rejecting txid=%s, wtxid=%s: %v (%d)", tx.ID, tx.WitnessID, privatebroadcast.ErrFull, privatebroadcast.MaxTxs)
		return privatebroadcast.ErrFull
	case privatebroadcast.Present:
		r.logPrivate("Ignoring unnecessary request to schedule an already scheduled transaction: txid=%s, wtxid=%s", tx.ID, tx.WitnessID)
	default:
		r.logPrivate("Requesting connections for txid=%s, wtxid=%s", tx.ID, tx.WitnessID)
	}
	return nil
}

// reaches reports whether there is a way to Tor or I2P.
func (r *Relay) reaches(ctx context.Context) bool {
	timer := time.NewTimer(reachPatience)
	defer timer.Stop()
	select {
	case <-r.private.heard:
	case <-timer.C:
	case <-ctx.Done():
	}
	r.private.mu.Lock()
	defer r.private.mu.Unlock()
	return r.private.reachable
}

// wantPrivate serves WantPrivate.
func (r *Relay) wantPrivate(ctx context.Context, req msg.WantPrivateRequest) (msg.WantPrivateReply, error) {
	p := r.private
	p.mu.Lock()
	p.reachable = req.Reachable
	if !p.told {
		p.told = true
		close(p.heard)
	}
	p.mu.Unlock()
	if r.cfg.Private == nil {
		return msg.WantPrivateReply{}, nil
	}
	timer := time.NewTimer(msg.PrivateSeconds * time.Second)
	defer timer.Stop()
	for {
		wanted, changed := r.cfg.Private.Wanted()
		if wanted != req.Known {
			return msg.WantPrivateReply{Wanted: wanted}, nil
		}
		select {
		case <-changed:
		case <-timer.C:
			return msg.WantPrivateReply{Wanted: wanted}, nil
		case <-ctx.Done():
			return msg.WantPrivateReply{}, context.Cause(ctx)
		}
	}
}

// takePrivate serves TakePrivate.
func (r *Relay) takePrivate(ctx context.Context, req p2p.TakePrivateRequest) (reply p2p.TakePrivateReply, err error) {
	if len(req.Address) > p2p.MaxPrivateAddress {
		return reply, bus.Errorf(bus.KindBadMessage, "an address of %d bytes", len(req.Address))
	}
	if r.cfg.Private == nil {
		return reply, nil
	}
	tx := r.cfg.Private.Pick(holder(ctx, req.Peer), strings.ToValidUTF8(req.Address, "?"), func() bool { return ctx.Err() != nil })
	if tx == nil {
		return reply, nil
	}
	r.logPrivate("Sending txid=%s, wtxid=%s to peer=%d", tx.ID, tx.WitnessID, req.Peer)
	reply.Found, reply.Txid = true, tx.ID
	reply.Attached = [][]byte{tx.Raw()}
	return reply, nil
}

// confirmPrivate serves ConfirmPrivate.
func (r *Relay) confirmPrivate(ctx context.Context, req p2p.ConfirmPrivateRequest) (p2p.Done, error) {
	if r.cfg.Private != nil {
		r.cfg.Private.Confirm(holder(ctx, req.Peer))
	}
	return p2p.Done{}, nil
}

func (r *Relay) sendingPrivately() []string {
	if r.cfg.Private == nil {
		return nil
	}
	return r.cfg.Private.Workers()
}

// cameBack ends the sending of a transaction that a peer has.
func (r *Relay) cameBack(tx *consensus.Tx, peer int64) {
	if r.cfg.Private != nil && r.cfg.Private.Remove(tx) {
		r.logPrivate("Received our privately broadcast transaction (txid=%s) from the network from peer=%d; stopping private broadcast attempts", tx.ID, peer)
	}
}

// SkipPrivately moves the looks at what is stale forward, for tests.
func (r *Relay) SkipPrivately(ctx context.Context, by time.Duration) {
	if r.cfg.Private == nil {
		return
	}
	select {
	case r.private.look <- by:
	case <-ctx.Done():
	}
}

// RunPrivate sends what is stale again, until ctx ends. It goes by real time, so that a
// frozen clock does not stop it; what is stale is so by the clock.
func (r *Relay) RunPrivate(ctx context.Context) error {
	if r.cfg.Private == nil {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	next := time.Now()
	for {
		timer := time.NewTimer(time.Until(next))
		select {
		case <-timer.C:
			next = time.Now().Add(againInterval + rand.N(againSpread))
			if err := r.sendAgain(ctx); err != nil && ctx.Err() == nil {
				r.cfg.Log.Warn(fmt.Sprintf("Transactions were not sent again: %v", err))
			}
		case by := <-r.private.look:
			next = next.Add(-by)
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
		timer.Stop()
	}
}

// sendAgain sends each stale transaction once more, unless the mempool would not take it:
// it has it by now, or a block has.
func (r *Relay) sendAgain(ctx context.Context) error {
	for _, tx := range r.cfg.Private.Stale() {
		_, err := r.cfg.Owner.ProcessTx(ctx, tx, mempool.Options{Test: true})
		missing, reject, fault := judged(err)
		switch {
		case fault != nil:
			return fault
		case missing != nil || reject != nil:
			r.logPrivate("Giving up broadcast attempts for txid=%s wtxid=%s: %v", tx.ID, tx.WitnessID, err)
			r.cfg.Private.Remove(tx)
		default:
			r.logPrivate("Reattempting broadcast of stale txid=%s wtxid=%s", tx.ID, tx.WitnessID)
			r.cfg.Private.Again(tx)
		}
	}
	return nil
}
