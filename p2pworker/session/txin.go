package session

import (
	"time"

	"github.com/bulkheadnode/bulkhead/internal/multipart"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// minTxSize is the size of the smallest serialised transaction worth passing on.
const minTxSize = 10

// txDownload holds announced transactions that are not requested yet.
type txDownload struct {
	delayed []delayedTx
	soonest time.Time // at which one of them is due
	last    time.Time // when a transaction arrived that was accepted
}

type delayedTx struct {
	hash  chainhash.Hash
	wtxid bool
	at    time.Time
}

func (s *Session) onInv(r *reader) error {
	list, n := r.inventory()
	if r.err != nil {
		return r.err
	}
	if n > maxInventory {
		s.misbehaving("inv message size = %d", n)
		return nil
	}
	txs, ok := s.announcedTxs(list)
	if !ok {
		return nil
	}
	var newBlock *chainhash.Hash
	for i := range list {
		inv := &list[i]
		switch inv.Type {
		case wire.InvTypeTx, wire.InvTypeWitnessTx, invWtx:
		case wire.InvTypeBlock:
			if s.noteBlockInv(inv) {
				newBlock = &inv.Hash
			}
		default:
			s.logf("net", "Unknown inv type \"%s\" received from peer=%d", inventoryName(*inv), s.cfg.Peer)
		}
	}
	if newBlock != nil {
		s.fetchHeadersFor(*newBlock)
	}
	s.noteTxs(txs)
	return nil
}

// announcedTxs returns the transactions of an inventory, each once, and notes
// that the peer has them. It is not ok if the peer may announce none: the session
// ends.
func (s *txExchange) announcedTxs(list []wire.InvVect) (txs []chainhash.Hash, ok bool) {
	seen := make(map[chainhash.Hash]struct{})
	for _, inv := range list {
		switch inv.Type {
		case invWtx:
			if !s.hs.wtxidRelay {
				continue
			}
		case wire.InvTypeTx:
			if s.hs.wtxidRelay {
				continue
			}
		case wire.InvTypeWitnessTx:
		default:
			continue
		}
		if s.rejectsTxs() {
			s.disconnect("transaction (%s) inv sent in violation of protocol", inv.Hash)
			return nil, false
		}
		if _, twice := seen[inv.Hash]; twice {
			continue
		}
		seen[inv.Hash] = struct{}{}
		s.txOut.known.Add(inv.Hash)
		txs = append(txs, inv.Hash)
	}
	return txs, true
}

// noteBlockInv reports whether the announced block is new to us.
func (s *blockExchange) noteBlockInv(inv *wire.InvVect) bool {
	_, recent := s.announcer.parent(inv.Hash)
	have := recent || inv.Hash == s.tip.Hash
	s.logf("net", "got inv: %s %s peer=%d", inventoryName(*inv), haveOrNew(have), s.cfg.Peer)
	s.announcer.markKnown(inv.Hash)
	_, requested := s.down.inFlight[inv.Hash]
	return !have && !requested
}

func haveOrNew(have bool) string {
	if have {
		return "have"
	}
	return "new"
}

// fetchHeadersFor asks for the headers up to a block that was announced by
// inv: blocks are fetched along headers only. A peer whose headers are not
// synced is asked once.
func (s *headerExchange) fetchHeadersFor(block chainhash.Hash) {
	if !s.headers.started && s.headers.early {
		return
	}
	s.headers.early = s.headers.early || !s.headers.started
	ask(s.conversation, true, p2p.GetLocator, p2p.LocatorRequest{Announced: block}, func(l p2p.LocatorReply, err error) {
		switch {
		case err != nil:
			s.headers.remember(block, s.now.Add(nodeRetry))
		case l.Known:
			s.hasKnown(block, l.Download)
		case s.maybeGetHeaders(l.Hashes):
			s.logf("net", "getheaders (%d) %s to peer=%d", s.tip.HeaderHeight, block, s.cfg.Peer)
		default:
			s.headers.remember(block, s.now)
		}
	})
}

// hasKnown notes that the peer has a block of which the node has the header: it
// may have those that are missing before it.
func (s *headerExchange) hasKnown(block chainhash.Hash, download bool) {
	if download && s.hs.peer.Services&wire.SFNodeWitness != 0 {
		s.down.best = block
		s.wakeDownload(true)
	}
}

// noteTxs asks the node which announced transactions to request; for peers
// that chose us, after a delay that gives others precedence.
func (s *txExchange) noteTxs(txs []chainhash.Hash) {
	if len(txs) == 0 || s.tip.Initial {
		return
	}
	if delay := s.txDelay(); delay > 0 {
		s.delayTxs(txs, s.hs.wtxidRelay, delay)
		return
	}
	s.wantTxs(true, s.hs.wtxidRelay, txs)
}

// txDelay is how long a peer that chose us waits to be asked for transactions.
func (s *txExchange) txDelay() time.Duration {
	if s.cfg.Type == p2p.Inbound && !s.cfg.Permissions.Has(p2p.NoBan) {
		return nonPreferredTxDelay
	}
	return 0
}

func (s *txExchange) delayTxs(txs []chainhash.Hash, wtxid bool, by time.Duration) {
	at := s.now.Add(by)
	for _, h := range txs {
		if len(s.txIn.delayed) >= maxTxAnnouncements && !s.cfg.Permissions.Has(p2p.Relay) ||
			len(s.txIn.delayed) >= maxInventory {
			return
		}
		if len(s.txIn.delayed) == 0 || at.Before(s.txIn.soonest) {
			s.txIn.soonest = at
		}
		s.txIn.delayed = append(s.txIn.delayed, delayedTx{h, wtxid, at})
	}
}

// askForDelayedTxs asks about the announcements whose delay has passed.
func (s *txExchange) askForDelayedTxs() {
	if len(s.txIn.delayed) == 0 || s.now.Before(s.txIn.soonest) {
		return
	}
	var soonest alarm
	var due [2][]chainhash.Hash
	rest := s.txIn.delayed[:0]
	for _, d := range s.txIn.delayed {
		if s.now.Before(d.at) {
			rest = append(rest, d)
			soonest.ring(d.at)
			continue
		}
		due[boolByte(d.wtxid)] = append(due[boolByte(d.wtxid)], d.hash)
	}
	s.txIn.delayed, s.txIn.soonest = rest, soonest.at
	for i, hashes := range due {
		if len(hashes) > 0 {
			s.wantTxs(false, i == 1, hashes)
		}
	}
}

func (s *txExchange) wantTxs(ordered, wtxid bool, hashes []chainhash.Hash) {
	ask(s.conversation, ordered, p2p.WantTxs, p2p.WantTxsRequest{Peer: s.cfg.Peer, Wtxid: wtxid, Hashes: hashes}, func(w p2p.WantTxsReply, err error) {
		if err != nil {
			return
		}
		s.logTxInventory(wtxid, hashes, w)
		s.delayTxs(w.Later, wtxid, time.Duration(w.RetrySeconds)*time.Second)
		s.requestTxs(wtxid, w.Request)
	})
}

func (s *txExchange) logTxInventory(wtxid bool, hashes []chainhash.Hash, w p2p.WantTxsReply) {
	if s.cfg.LogEnabled != nil && !s.cfg.LogEnabled("net") {
		return
	}
	unknown := make(map[chainhash.Hash]struct{}, len(w.Request)+len(w.Later))
	for _, list := range [][]chainhash.Hash{w.Request, w.Later} {
		for _, h := range list {
			unknown[h] = struct{}{}
		}
	}
	kind := wire.InvTypeTx
	if wtxid {
		kind = invWtx
	}
	for _, h := range hashes {
		_, isNew := unknown[h]
		s.logf("net", "got inv: %s %s peer=%d", inventoryName(wire.InvVect{Type: kind, Hash: h}),
			haveOrNew(!isNew), s.cfg.Peer)
	}
}

// maxTxRequests is the longest getdata for transactions.
const maxTxRequests = 1000

func (s *txExchange) requestTxs(wtxid bool, hashes []chainhash.Hash) {
	kind := wire.InvTypeWitnessTx
	if wtxid {
		kind = invWtx
	}
	for len(hashes) > 0 {
		n := min(len(hashes), maxTxRequests)
		list := make([]wire.InvVect, n)
		for i, h := range hashes[:n] {
			list[i] = wire.InvVect{Type: kind, Hash: h}
		}
		s.send(wire.CmdGetData, encodeInventory(list))
		hashes = hashes[n:]
	}
}

func (s *txExchange) onTx(m Message) error {
	if s.rejectsTxs() {
		s.disconnect("transaction sent in violation of protocol")
		return nil
	}
	if s.tip.Initial {
		return nil // without the chain it cannot be judged
	}
	if len(m.Payload) < minTxSize {
		return errEndOfData
	}
	force, frames := s.cfg.Permissions.Has(p2p.ForceRelay), multipart.One(m.Payload)
	if frames.Attached = append(frames.Attached, s.takeHeldTxs(len(m.Payload))...); len(frames.Attached) == 1 {
		req := p2p.SubmitTxRequest{Peer: s.cfg.Peer, Frames: frames, Force: force}
		ask(s.conversation, true, p2p.SubmitTx, req, func(v p2p.SubmitReply, err error) {
			if err == nil {
				s.judgeTx(v)
			}
		})
		return nil
	}
	req := p2p.SubmitTxsRequest{Peer: s.cfg.Peer, Frames: frames, Force: force}
	ask(s.conversation, true, p2p.SubmitTxs, req, func(all p2p.SubmitTxsReply, err error) {
		for _, v := range all.Txs {
			if err == nil && !s.ended {
				s.judgeTx(v)
			}
		}
	})
	return nil
}

// takeHeldTxs takes the transactions that have come right after one of so many
// bytes, to be handed over with it: a request for each would cost more than judging
// it does.
func (s *txExchange) takeHeldTxs(bytes int) (more [][]byte) {
	for len(more) < p2p.MaxSubmitted-1 && s.held.len() > 0 {
		next := s.held.first()
		bytes += len(next.Payload)
		if next.Type != wire.CmdTx || len(next.Payload) < minTxSize || bytes > p2p.MaxSubmittedBytes {
			break
		}
		s.logReceived(next)
		more = append(more, s.held.pop().Payload)
	}
	return more
}

func (s *txExchange) judgeTx(v p2p.SubmitReply) {
	s.txOut.known.Add(v.Hash)
	s.txOut.known.Add(v.Wtxid)
	if v.New {
		s.txIn.last = s.now
	}
	if v.Misbehaving {
		s.misbehaving("%s", v.Reject)
		return
	}
	if len(v.Missing) > 0 {
		// Parents are known by txid only: an input names nothing else. They are
		// not asked for at once: who made up the child would learn from that which
		// of them we have, and they may be on their way.
		s.delayTxs(v.Missing, false, s.txDelay()+parentTxDelay)
	}
}

func (s *Session) onNotFound(r *reader) error {
	list, n := r.inventory()
	if r.err != nil {
		return r.err
	}
	if n > maxTxAnnouncements+MaxBlocksInFlight {
		return nil
	}
	for _, inv := range list {
		if inv.Type&^invWitnessFlag == wire.InvTypeBlock {
			s.onMissingBlock(inv.Hash)
		}
	}
	return nil
}
