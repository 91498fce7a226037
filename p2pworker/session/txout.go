package session

import (
	"math"
	"slices"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/internal/recent"
)

// txRelay is the announcing of transactions to the peer.
type txRelay struct {
	known   recent.Set[chainhash.Hash] // hashes that the peer announced, sent or was told
	pending []p2p.TxAnnouncement
	// recent holds what entered the mempool since the last announcement: it is
	// not served, because that would tell when it arrived here.
	recent  map[chainhash.Hash]struct{}
	nextInv time.Time
	// sequence is the mempool's when something was announced last.
	sequence uint64
	// minFeeRate is the peer's feefilter (BIP133).
	minFeeRate int64
}

func (t *txRelay) init() {
	t.known = recent.NewSet[chainhash.Hash](maxKnownInventory)
	t.recent = make(map[chainhash.Hash]struct{})
}

func (t *txRelay) unannounced(h chainhash.Hash) bool {
	_, ok := t.recent[h]
	return ok
}

// inventoryOf returns how a transaction is announced to this peer.
func (s *txExchange) inventoryOf(tx p2p.TxAnnouncement) wire.InvVect {
	if s.hs.wtxidRelay {
		return wire.InvVect{Type: invWtx, Hash: tx.Wtxid}
	}
	return wire.InvVect{Type: wire.InvTypeTx, Hash: tx.Txid}
}

func (s *txExchange) queueTxs(txs []p2p.TxAnnouncement) {
	if !s.hs.complete || !s.hs.relaysTxs {
		return
	}
	if len(s.txOut.pending) == 0 && !s.now.Before(s.txOut.nextInv) {
		// Nothing was announced when the time came, and another has been due
		// since: as that has no memory, it may as well be drawn now.
		s.drawNextInv()
	}
	for _, tx := range txs {
		if len(s.txOut.pending) >= MaxPendingTxs {
			break
		}
		if since := s.steady().Sub(s.hs.completed); since < time.Duration(tx.Waited)*time.Millisecond {
			continue // it came before the peer
		}
		if tx.Peer == s.cfg.Peer {
			s.txOut.known.Add(s.inventoryOf(tx).Hash)
		}
		if tx.Peer == p2p.FromBlock {
			delete(s.txOut.recent, tx.Txid)
			delete(s.txOut.recent, tx.Wtxid)
		} else {
			s.txOut.recent[tx.Txid] = struct{}{}
			s.txOut.recent[tx.Wtxid] = struct{}{}
		}
		s.txOut.pending = append(s.txOut.pending, tx)
	}
	s.trickleTxs()
}

// trickleTxs announces what is pending when its time has come: the delay is
// random so that observers learn little about where a transaction began.
func (s *txExchange) trickleTxs() {
	due := !s.now.Before(s.txOut.nextInv)
	if !due && !s.cfg.Permissions.Has(p2p.NoBan) {
		return
	}
	if due {
		s.drawNextInv()
	}
	if len(s.txOut.pending) == 0 {
		return
	}
	s.announceTxs(s.txOut.pending)
	s.txOut.pending = nil
	clear(s.txOut.recent)
}

func (s *txExchange) drawNextInv() {
	mean := outboundTrickle
	if s.cfg.Type == p2p.Inbound {
		mean = inboundTrickle
	}
	s.txOut.nextInv = s.now.Add(s.exponential(mean))
}

func (s *txExchange) announceTxs(txs []p2p.TxAnnouncement) {
	for i := range txs {
		s.txOut.sequence = max(s.txOut.sequence, txs[i].Sequence)
	}
	list := make([]wire.InvVect, 0, min(len(txs), maxInventory))
	wanted := func(tx p2p.TxAnnouncement) bool {
		return tx.FeeRate >= s.txOut.minFeeRate && !s.txOut.known.Has(s.inventoryOf(tx).Hash)
	}
	if s.bloom.filter != nil {
		s.announceMatching(slices.DeleteFunc(slices.Clone(txs), func(tx p2p.TxAnnouncement) bool { return !wanted(tx) }))
		return
	}
	for _, tx := range txs {
		inv := s.inventoryOf(tx)
		if !wanted(tx) {
			continue
		}
		s.txOut.known.Add(inv.Hash)
		list = append(list, inv)
		if len(list) == maxInventory {
			s.send(wire.CmdInv, encodeInventory(list))
			list = list[:0]
		}
	}
	if len(list) > 0 {
		s.send(wire.CmdInv, encodeInventory(list))
	}
}

// onMempool is BIP35.
func (s *txExchange) onMempool() {
	if !s.offersBloom() && !s.cfg.Permissions.Has(p2p.Mempool) {
		if !s.cfg.Permissions.Has(p2p.NoBan) {
			s.disconnect(p2p.AsksForUnserved, "mempool request with bloom filters disabled")
		}
		return
	}
	if !s.hs.relaysTxs {
		return
	}
	gather(s.conversation, true, p2p.MempoolTxs, p2p.MempoolRequest{}, func(l p2p.TxsAnnouncedEvent, err error) {
		if err != nil {
			return
		}
		s.txOut.pending = nil
		clear(s.txOut.recent)
		s.txOut.known = recent.NewSet[chainhash.Hash](maxKnownInventory)
		s.announceTxs(l.Txs)
	})
}

// exponential draws from an exponential distribution.
func (s *conversation) exponential(mean time.Duration) time.Duration {
	uniform := (float64(s.cfg.Random()>>11) + 1) / (1 << 53)
	return time.Duration(-math.Log(uniform) * float64(mean))
}
