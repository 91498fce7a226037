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

// txDownload is what the peer may be asked for.
type txDownload struct {
	due   time.Time // when the node is to be asked for what to request; zero if it need not
	last  time.Time // when a transaction arrived that was accepted
	first uint64    // how many were
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
			s.chain.announces(inv.Hash)
			if s.noteBlockInv(inv) {
				newBlock = &inv.Hash
			}
		default:
			s.logf("net", "Unknown inv type \"%s\" received from peer=%d", inventoryName(*inv), s.cfg.Peer)
		}
	}
	s.findAnnounced()
	if newBlock != nil {
		s.fetchHeadersFor(*newBlock)
	}
	s.noteTxs(txs)
	return nil
}

// announcedTxs returns the transactions of an inventory, each once, and notes
// that the peer has them. It is not ok if the peer may announce none: the session
// ends.
func (s *txExchange) announcedTxs(list []wire.InvVect) (txs []wire.InvVect, ok bool) {
	seen := make(map[wire.InvVect]struct{})
	for _, inv := range list {
		switch inv.Type {
		case invWtx, wire.InvTypeTx:
			if s.hs.wtxidRelay != (inv.Type == invWtx) {
				continue
			}
		case wire.InvTypeWitnessTx:
		default:
			continue
		}
		if s.rejectsTxs() {
			s.disconnect(p2p.BrokeProtocol, "transaction (%s) inv sent in violation of protocol", inv.Hash)
			return nil, false
		}
		id := wire.InvVect{Type: inv.Type &^ invWitnessFlag, Hash: inv.Hash}
		if _, twice := seen[id]; twice {
			continue
		}
		seen[id] = struct{}{}
		s.txOut.known.Add(inv.Hash)
		txs = append(txs, inv)
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
	req := p2p.LocatorRequest{Announced: block, Early: !s.headers.started}
	ask(s.conversation, true, p2p.GetLocator, req, func(l p2p.LocatorReply, err error) {
		if req.Early && err == nil {
			s.headers.early = !l.Wait
		}
		switch {
		case err != nil:
			s.headers.remember(block, s.now.Add(nodeRetry))
		case l.Wait: // another one is asked for it
		case l.Known:
			s.shows(block, l.Work)
			s.hasKnown(block, l)
		case s.maybeGetHeaders(l.Hashes):
			s.logf("net", "getheaders (%d) %s to peer=%d", s.tip.HeaderHeight, block, s.cfg.Peer)
		default:
			s.headers.remember(block, s.now)
		}
	})
}

// hasKnown notes that the peer has a block of which the node has the header: it
// may have those that are missing before it.
func (s *headerExchange) hasKnown(block chainhash.Hash, l p2p.LocatorReply) {
	if l.Download && s.hs.peer.Services&wire.SFNodeWitness != 0 {
		s.downloadTo(block, &l.Work)
		s.wakeDownload(true)
	}
}

// noteTxs tells the node which transactions the peer has announced.
func (s *txExchange) noteTxs(txs []wire.InvVect) {
	if len(txs) == 0 || s.tip.Initial {
		return
	}
	req := s.wantRequest()
	for _, inv := range txs {
		if inv.Type == invWtx {
			req.Wtxids = append(req.Wtxids, inv.Hash)
		} else {
			req.Txids = append(req.Txids, inv.Hash)
		}
	}
	s.wantTxs(true, req, txs)
}

func (s *txExchange) source() p2p.TxSource {
	noban := s.cfg.Permissions.Has(p2p.NoBan)
	return p2p.TxSource{Peer: s.cfg.Peer, Preferred: s.outbound() || noban, Unlimited: s.cfg.Permissions.Has(p2p.Relay)}
}

func (s *txExchange) wantRequest() p2p.WantTxsRequest {
	return p2p.WantTxsRequest{From: s.source(), WtxidRelay: s.hs.wtxidRelay}
}

// comeForTxs asks the node what to request, when that is due.
func (s *txExchange) comeForTxs() {
	if s.txIn.due.IsZero() || s.now.Before(s.txIn.due) {
		return
	}
	s.wantTxs(false, s.wantRequest(), nil)
}

// wantTxs asks the node what to request from the peer, which has announced
// transactions.
func (s *txExchange) wantTxs(ordered bool, req p2p.WantTxsRequest, announced []wire.InvVect) {
	s.txIn.due = time.Time{}
	ask(s.conversation, ordered, p2p.WantTxs, req, func(w p2p.WantTxsReply, err error) {
		if err != nil {
			s.comeAfter(nodeRetry)
			return
		}
		s.logTxInventory(announced, w.Known)
		if w.Wait > 0 {
			s.comeAfter(time.Duration(min(w.Wait, maxTxWait.Milliseconds())) * time.Millisecond)
		}
		byTxid := wire.InvTypeTx
		if s.hs.peer.Services&wire.SFNodeWitness != 0 {
			byTxid = wire.InvTypeWitnessTx
		}
		s.requestTxs(byTxid, w.Txids)
		s.requestTxs(invWtx, w.Wtxids)
	})
}

// comeAfter has the node asked again in a while, if not sooner.
func (s *txExchange) comeAfter(wait time.Duration) {
	if at := s.now.Add(wait); s.txIn.due.IsZero() || at.Before(s.txIn.due) {
		s.txIn.due = at
	}
}

// logTxInventory logs what was announced; known is a p2p.WantTxsReply's.
func (s *txExchange) logTxInventory(announced []wire.InvVect, known []byte) {
	if s.cfg.LogEnabled != nil && !s.cfg.LogEnabled("net") {
		return
	}
	txids := 0
	for _, inv := range announced {
		txids += int(boolByte(inv.Type != invWtx))
	}
	byKind := [2]int{0, txids} // the next bit of txids, and of wtxids
	for _, inv := range announced {
		i := byKind[boolByte(inv.Type == invWtx)]
		byKind[boolByte(inv.Type == invWtx)]++
		have := i/8 < len(known) && known[i/8]>>(i%8)&1 != 0
		s.logf("net", "got inv: %s %s peer=%d", inventoryName(inv), haveOrNew(have), s.cfg.Peer)
	}
}

// maxTxRequests is the longest getdata for transactions.
const maxTxRequests = 1000

func (s *txExchange) requestTxs(kind wire.InvType, hashes []chainhash.Hash) {
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
		s.disconnect(p2p.BrokeProtocol, "transaction sent in violation of protocol")
		return nil
	}
	if s.tip.Initial {
		return nil // without the chain it cannot be judged
	}
	if len(m.Payload) < minTxSize {
		return errEndOfData
	}
	size := len(m.Payload)
	force, frames := s.cfg.Permissions.Has(p2p.ForceRelay), multipart.One(m.Payload)
	if frames.Attached = append(frames.Attached, s.takeHeldTxs(size)...); len(frames.Attached) == 1 {
		req := p2p.SubmitTxRequest{From: s.source(), Frames: frames, Force: force}
		ask(s.conversation, true, p2p.SubmitTx, req, func(v p2p.SubmitReply, err error) {
			if err == nil {
				s.judgeTx(size, v)
			}
		})
		return nil
	}
	sizes := []int{}
	for _, raw := range frames.Attached {
		sizes = append(sizes, len(raw))
	}
	req := p2p.SubmitTxsRequest{From: s.source(), Frames: frames, Force: force}
	ask(s.conversation, true, p2p.SubmitTxs, req, func(all p2p.SubmitTxsReply, err error) {
		for i, v := range all.Txs[:min(len(all.Txs), len(sizes))] {
			if err == nil && !s.ended {
				s.judgeTx(sizes[i], v)
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

func (s *txExchange) judgeTx(size int, v p2p.SubmitReply) {
	if v.Malformed {
		s.logMalformed(wire.CmdTx, size, v.Reject)
		return
	}
	s.txOut.known.Add(v.Hash)
	s.txOut.known.Add(v.Wtxid)
	if v.New {
		s.txIn.last = s.now
		s.txIn.first++
	}
	if v.Misbehaving {
		s.misbehaving("%s", v.Reject)
		return
	}
	if v.Orphan {
		s.txIn.due = s.now
		s.comeForTxs()
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
	req := s.wantRequest()
	for _, inv := range list {
		switch inv.Type &^ invWitnessFlag {
		case wire.InvTypeBlock:
			s.onMissingBlock(inv.Hash)
		case wire.InvTypeTx, invWtx:
			req.NotFound = append(req.NotFound, inv.Hash)
		}
	}
	if len(req.NotFound) > 0 && !s.rejectsTxs() {
		s.wantTxs(true, req, nil)
	}
	return nil
}
