package relay

import (
	"context"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/download"
	"github.com/bulkheadnode/bulkhead/node/feed"
	"github.com/bulkheadnode/bulkhead/node/mempool"
	"github.com/bulkheadnode/bulkhead/node/txrequest"
)

func (r *Relay) submitTx(ctx context.Context, req p2p.SubmitTxRequest) (reply p2p.SubmitReply, err error) {
	raw, err := only(req.Frames)
	if err != nil {
		return reply, err
	}
	return r.takeTx(ctx, txSource(ctx, req.From), raw, req.Force)
}

// submitTxs takes what a peer has sent one after the other: of several peers, as
// many are served at a time.
func (r *Relay) submitTxs(ctx context.Context, req p2p.SubmitTxsRequest) (reply p2p.SubmitTxsReply, err error) {
	if len(req.Attached) > p2p.MaxSubmitted {
		return reply, bus.Errorf(bus.KindBadMessage, "%d transactions", len(req.Attached))
	}
	for _, raw := range req.Attached {
		one, err := r.takeTx(ctx, txSource(ctx, req.From), raw, req.Force)
		if err != nil {
			return reply, err
		}
		reply.Txs = append(reply.Txs, one)
	}
	return reply, nil
}

func (r *Relay) takeTx(ctx context.Context, from txrequest.Source, raw []byte, force bool) (reply p2p.SubmitReply, err error) {
	peer := from.Peer.Peer
	tx, err := consensus.ParseTx(raw)
	var empty *consensus.Reject
	if errors.As(err, &empty) {
		reply.Reject = empty.Reason
		r.cfg.Log.With("cat", "mempoolrej").Debug(fmt.Sprintf("transaction from peer=%d was not accepted: %s", peer, empty))
		return reply, nil
	}
	if err != nil {
		// As with any message that cannot be read, the peer may stay.
		reply.Malformed, reply.Reject = true, malformed(err)
		return reply, nil
	}
	reply.Hash, reply.Wtxid = tx.ID, tx.WitnessID
	defer r.answered(from, tx)
	r.cameBack(tx, peer)
	switch r.orphans.lately(tx) {
	case refusedLately:
		if force {
			r.cfg.Log.Info(fmt.Sprintf("Not relaying non-mempool transaction %s (wtxid=%s) from forcerelay peer=%d", tx.ID, tx.WitnessID, peer))
		}
		return reply, nil
	case cheapLately:
		r.logPackages("found tx %s (wtxid=%s) in reconsiderable rejects, looking for child in orphanage", tx.ID, tx.WitnessID)
		reply.New, err = r.offerWithChild(ctx, tx, from.Peer)
		return reply, errors.Join(err, r.reconsider(ctx))
	}
	defer r.txSenders.add(tx.WitnessID, peer)()
	return r.offerTx(ctx, tx, from, force, reply)
}

// answered ends a peer's requests for a transaction that it has sent. If that has
// decided nothing, others are asked.
func (r *Relay) answered(from txrequest.Source, tx *consensus.Tx) {
	r.tellTxs(r.txs.failed(from.Peer, r.cfg.Clock.Now(), tx.ID, tx.WitnessID))
}

// offerTx offers a transaction to the mempool, and then the orphans that waited for
// it.
func (r *Relay) offerTx(ctx context.Context, tx *consensus.Tx, from txrequest.Source, force bool, reply p2p.SubmitReply) (p2p.SubmitReply, error) {
	_, err := r.cfg.Owner.ProcessTx(ctx, tx, mempool.Options{})
	switch missing, reject, err := judged(err); {
	case err != nil:
		return reply, err
	case missing != nil:
		reply.Reject = missing.Reason
		reply.Orphan = r.keepOrphan(ctx, tx, from, missing)
	case reject != nil:
		reply.Reject = reject.Reason
		r.extra.add(tx)
		if entry := r.pool.GetWitness(tx.WitnessID); force && entry != nil {
			r.cfg.Log.Info(fmt.Sprintf("Force relaying tx %s (wtxid=%s) from peer=%d", tx.ID, tx.WitnessID, from.Peer.Peer))
			r.cfg.Feed.Announce(feed.Announcement(entry, p2p.NoPeer), entry.Tx.Size)
		}
		r.refused(tx, reject, from.Peer.Peer)
		if reject.Result == consensus.Reconsiderable {
			r.logPackages("tx %s (wtxid=%s) failed but reconsiderable, looking for child in orphanage", tx.ID, tx.WitnessID)
			if reply.New, err = r.offerWithChild(ctx, tx, from.Peer); err != nil {
				return reply, err
			}
		}
	default:
		reply.New = true
		r.decided(tx)
		r.logAccepted(tx, from.Peer.Peer)
	}
	return reply, r.reconsider(ctx)
}

// judged tells what the mempool says of a transaction: that its parents are missing, or
// that it is refused; or err, which is about no transaction.
func judged(verdict error) (missing *mempool.MissingError, reject *consensus.Reject, err error) {
	switch {
	case errors.As(verdict, &missing):
		return missing, nil, nil
	case errors.As(verdict, &reject):
		return nil, reject, nil
	}
	return nil, nil, verdict
}

// decided notes that a transaction is in the mempool.
func (r *Relay) decided(tx *consensus.Tx) {
	r.orphans.accepted(tx)
	r.txs.decided(tx.ID, tx.WitnessID)
}

func (r *Relay) logAccepted(tx *consensus.Tx, peer int64) {
	figures := r.pool.Figures()
	r.cfg.Log.With("cat", "mempool").Debug(fmt.Sprintf("AcceptToMemoryPool: peer=%d: accepted %s (wtxid=%s) (poolsz %d txn, %d kB)",
		peer, tx.ID, tx.WitnessID, figures.Count, figures.Usage/1000))
}

// refused notes that a transaction is not in the mempool for some reason.
func (r *Relay) refused(tx *consensus.Tx, reject *consensus.Reject, peer int64) {
	decided := r.orphans.rejected(tx, reject)
	r.txs.decided(decided...)
	r.logTxRefusal(tx, peer, reject)
}

// keepOrphan keeps a transaction whose parents are missing, for all who have
// announced it. It reports whether its peer is to be asked for them.
func (r *Relay) keepOrphan(ctx context.Context, tx *consensus.Tx, from txrequest.Source, missing *mempool.MissingError) (ask bool) {
	r.extra.add(tx)
	r.logTxRefusal(tx, from.Peer.Peer, missing)
	if r.orphans.hopeless(tx, missing.Parents) {
		r.txs.decided(tx.ID, tx.WitnessID)
		r.cfg.Log.With("cat", "mempoolrej").Debug(fmt.Sprintf("not keeping orphan with rejected parents %s (wtxid=%s)", tx.ID, tx.WitnessID))
		return false
	}
	// Those that were confirmed long ago are asked for, too: what is not asked for
	// would tell what we have.
	parents, now := r.unknown(parentsOf(tx)), r.cfg.Clock.Now()
	var wake []download.Holder
	_ = r.txs.during(ctx, func() { // whose call has ended cannot be asked for parents
		for _, candidate := range r.txs.candidates(tx, from) {
			if !r.txs.resolve(candidate, parents, now) {
				continue
			}
			r.orphans.keep(tx, missing.Parents, candidate.Peer)
			if ask = ask || candidate.Peer == from.Peer; candidate.Peer != from.Peer {
				wake = append(wake, candidate.Peer)
			}
		}
	})
	r.tellTxs(wake)
	for _, parent := range missing.Parents {
		if entry := r.pool.Get(parent); entry != nil {
			r.orphans.accepted(entry.Tx) // it came in between, and saw no child
		}
	}
	return ask
}

// parentsOf returns the txids that a transaction spends from.
func parentsOf(tx *consensus.Tx) []chainhash.Hash {
	hashes := make([]chainhash.Hash, len(tx.TxIn))
	for i, in := range tx.TxIn {
		hashes[i] = in.PreviousOutPoint.Hash
	}
	return unique(hashes)
}

func unique(hashes []chainhash.Hash) (once []chainhash.Hash) {
	seen := make(map[chainhash.Hash]struct{}, len(hashes))
	for _, h := range hashes {
		if _, twice := seen[h]; !twice {
			seen[h] = struct{}{}
			once = append(once, h)
		}
	}
	return once
}

func (r *Relay) logTxRefusal(tx *consensus.Tx, peer int64, reason error) {
	r.cfg.Log.With("cat", "mempoolrej").Debug(fmt.Sprintf("%s (wtxid=%s) from peer=%d was not accepted: %s", tx.ID, tx.WitnessID, peer, reason))
}

func (r *Relay) logPackages(format string, args ...any) {
	r.cfg.Log.With("cat", "txpackages").Debug(fmt.Sprintf(format, args...))
}

func (r *Relay) broadcastTx(ctx context.Context, req msg.BroadcastRequest) (bus.None, error) {
	raw, err := only(req.Frames)
	if err != nil {
		return bus.None{}, err
	}
	tx, err := consensus.ParseTx(raw)
	if err != nil {
		return bus.None{}, bus.Errorf(bus.KindBadMessage, "%v", err)
	}
	err = r.cfg.Owner.Broadcast(ctx, tx, req.MaxFeeRate)
	var refused *consensus.Reject
	if errors.As(err, &refused) {
		return bus.None{}, bus.Errorf(msg.KindTxRejected, "%s", refused.Error())
	}
	return bus.None{}, err
}
