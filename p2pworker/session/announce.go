package session

import (
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"

	"github.com/bulkheadnode/bulkhead/internal/recent"
)

// maxHeadersAnnounced is the longest run of headers sent as an announcement;
// a longer one is announced by the inv of its tip (BIP130).
const maxHeadersAnnounced = 8

// announcer remembers which recent blocks the peer has.
type announcer struct {
	// parents and former hold recent headers, hash to parent.
	parents, former map[chainhash.Hash]chainhash.Hash
	peerHas         recent.Set[chainhash.Hash]
	// told is the height up to which the peer heard of our chain: from our version
	// message, or as it grew.
	told int32
	// continuation is the last hash of a full answer to getblocks: when the
	// peer fetches that block, it is told our tip to ask for the next run.
	continuation chainhash.Hash
}

func (a *announcer) init() {
	a.parents = make(map[chainhash.Hash]chainhash.Hash)
	a.peerHas = recent.NewSet[chainhash.Hash](2 * maxRecentHeaders)
}

func (a *announcer) learn(h, parent chainhash.Hash) {
	if len(a.parents) >= maxRecentHeaders {
		a.former, a.parents = a.parents, make(map[chainhash.Hash]chainhash.Hash)
	}
	a.parents[h] = parent
}

func (a *announcer) parent(h chainhash.Hash) (chainhash.Hash, bool) {
	p, ok := a.parents[h]
	if !ok {
		p, ok = a.former[h]
	}
	return p, ok
}

// markKnown notes that the peer has a block's header and all before it.
func (a *announcer) markKnown(h chainhash.Hash) {
	for range 2 * maxRecentHeaders {
		if a.peerHas.Has(h) {
			return
		}
		a.peerHas.Add(h)
		parent, ok := a.parent(h)
		if !ok {
			return
		}
		h = parent
	}
}

// tipChanged announces new blocks of the best chain.
func (s *Session) tipChanged(in TipChanged) {
	was := s.tip
	s.tip = in.Tip
	for _, header := range in.Headers {
		s.announcer.learn(headerHash(header), previousHash(header))
	}
	if !s.hs.complete || s.cfg.Type == p2p.Feeler {
		return
	}
	if none := (chainhash.Hash{}); was.Hash == none && s.tip.Hash != none {
		s.fee.next = time.Time{} // what the peer was told by now was a guess
	}
	s.maybeSendFeeFilter()
	s.findAnnounced()
	branched := s.tip.Hash != was.Hash && s.tip.Height <= was.Height
	if (branched || s.tip.Lost != was.Lost || s.tip.Partial && !was.Partial) && s.headers.known {
		// A branch of the peer that was not worth its blocks may be now, one whose
		// blocks were all there may lack some, or its old blocks are wanted.
		s.down.best, s.down.work = s.headers.best, s.headers.work
		s.wakeDownload(false)
	}
	s.forgetConnected(in.Headers)
	s.announceTip(in.Headers)
}

// blockSeen announces a block before it is verified to a peer that asked for compact
// blocks (BIP152). All others hear of it when it is the tip.
func (s *Session) blockSeen(in BlockSeen) {
	s.announcer.learn(headerHash(in.Header), previousHash(in.Header))
	if s.hs.complete && s.cfg.Type != p2p.Feeler && !s.tip.Initial {
		s.announceByCompact([][]byte{in.Header})
	}
}

// announceTip tells the peer of blocks that joined our chain, whose headers these are.
// Without any the chain may yet be longer than the peer heard: a change was missed, our
// version message was sent before the node had read its files, or what it had was held
// for old until now.
func (s *Session) announceTip(headers [][]byte) {
	if s.tip.Initial {
		s.announcer.told = min(s.announcer.told, s.tip.Height)
		return
	}
	switch {
	case len(headers) == 0:
		if s.tip.Height > s.announcer.told {
			s.announceByInv(s.tip.Hash)
		}
	case !s.announceByCompact(headers) && !s.announceByHeaders(headers):
		s.announceByInv(headerHash(headers[len(headers)-1]))
	}
	s.announcer.told = s.tip.Height
}

// announceByHeaders sends the headers that the peer lacks if they connect to
// what it has. It reports false if an inv is called for instead.
func (s *announcements) announceByHeaders(headers [][]byte) bool {
	if !s.hs.prefersHeads || len(headers) > maxHeadersAnnounced {
		return false
	}
	start := 0
	for start < len(headers) && s.announcer.peerHas.Has(headerHash(headers[start])) {
		start++
	}
	if start == len(headers) {
		return true
	}
	if !s.announcer.peerHas.Has(previousHash(headers[start])) {
		return false
	}
	var raw []byte
	for _, h := range headers[start:] {
		raw = append(raw, h[:wire.MaxBlockHeaderPayload]...)
	}
	first, last := headerHash(headers[start]), headerHash(headers[len(headers)-1])
	if n := len(headers) - start; n > 1 {
		s.logf("net", "SendMessages: %d headers, range (%s, %s), to peer=%d", n, first, last, s.cfg.Peer)
	} else {
		s.logf("net", "SendMessages: sending header %s to peer=%d", first, s.cfg.Peer)
	}
	s.sendHeaders(raw)
	s.announcer.markKnown(last)
	return true
}

// sendHeaders sends headers one after the other. No more than an announcement may hold
// may overtake what waits, be they announced or asked for, as an inv makes a peer do:
// else each 100 bytes of getheaders bought 162 kB that do not wait.
func (s *announcements) sendHeaders(raw []byte) {
	send := s.send
	if len(raw) <= maxHeadersAnnounced*wire.MaxBlockHeaderPayload {
		send = s.sendFirst
	}
	send(wire.CmdHeaders, encodeHeaders(raw))
}

func (s *announcements) announceByInv(tip chainhash.Hash) {
	if s.announcer.peerHas.Has(tip) {
		return
	}
	s.logf("net", "SendMessages: sending inv peer=%d hash=%s", s.cfg.Peer, tip)
	s.sendFirst(wire.CmdInv, encodeInventory([]wire.InvVect{{Type: wire.InvTypeBlock, Hash: tip}}))
}
