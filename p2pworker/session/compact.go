package session

import (
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/internal/multipart"
)

// Messages of BIP152, which wire has no names for.
const (
	cmdSendCompact  = "sendcmpct"
	cmdCompactBlock = "cmpctblock"
	cmdGetBlockTxs  = "getblocktxn"
	cmdBlockTxs     = "blocktxn"
)

const (
	compactVersion = 2 // of BIP152: identifiers are made of wtxids
	// compactHead is the bytes of a cmpctblock before its lists.
	compactHead = wire.MaxBlockHeaderPayload + 8
	// maxPartials is how many compact blocks may wait for transactions.
	maxPartials = 2
	// maxBlockTxs is how many transactions a getblocktxn may name.
	maxBlockTxs = 1 << 16
)

// compactRelay is what was agreed about compact blocks, and those that wait.
type compactRelay struct {
	provides bool // the peer knows version 2
	from     bool // the peer asked for blocks as compact blocks
	to       bool // we asked
	partials map[chainhash.Hash]*partial
}

// partial is a compact block with missing transactions. It is kept here, not by
// the node, which gets it again with the transactions.
type partial struct {
	raw    []byte
	asked  []uint16
	failed bool // the whole block was asked for
}

// takesCompact reports whether compact blocks are of use: without transactions
// in the mempool they are not.
func (s *blockExchange) takesCompact() bool { return s.compact.provides && !s.cfg.BlocksOnly }

// compactPeer describes the peer to the node.
func (s *blockExchange) compactPeer() p2p.Compact {
	return p2p.Compact{Provides: s.takesCompact(), Outbound: s.outbound()}
}

// sendCompactPreference is sendcmpct.
func (s *conversation) sendCompactPreference(announce bool) {
	s.send(cmdSendCompact, []byte{boolByte(announce), compactVersion, 0, 0, 0, 0, 0, 0, 0})
}

func (s *Session) onSendCompact(r *reader) error {
	announce, version := r.u8(), r.u64()
	switch {
	case r.err != nil:
		return r.err
	case announce > 1:
		s.misbehaving("invalid sendcmpct announce field")
	case version == compactVersion:
		s.compact.provides, s.compact.from = true, announce == 1
	}
	return nil
}

// setAnnouncer asks the peer to announce blocks as compact blocks, or not to.
func (s *blockExchange) setAnnouncer(wanted bool) {
	if s.compact.to != wanted && s.compact.provides {
		s.compact.to = wanted
		s.sendCompactPreference(wanted)
	}
}

func (s *headerExchange) onCompactBlock(m Message) error {
	switch {
	case s.cfg.BlocksOnly:
		s.logf("cmpctblock", "peer=%d sent us a compact block even though we are blocksonly!", s.cfg.Peer)
		return nil
	case !s.compact.provides:
		s.logf("cmpctblock", "peer=%d sent us a compact block despite never having sent us a SENDCMPCT!", s.cfg.Peer)
		return nil
	case len(m.Payload) < compactHead:
		return errEndOfData
	}
	hash := headerHash(m.Payload)
	if s.compact.partials[hash] != nil {
		s.logf("net", "Peer sent us compact block we were already syncing!")
		return nil
	}
	s.announcer.learn(hash, previousHash(m.Payload))
	s.announcer.markKnown(hash)
	s.submitCompact(hash, &partial{raw: m.Payload}, nil)
	return nil
}

func (s *headerExchange) onBlockTxs(m Message) error {
	r := &reader{b: m.Payload}
	hash := r.hash()
	if r.err != nil {
		return r.err
	}
	p := s.compact.partials[hash]
	switch {
	case p == nil:
		s.logf("net", "Peer %d sent us block transactions for block we weren't expecting", s.cfg.Peer)
	case p.failed:
		s.dropBlock(hash)
		s.logf("net", "Peer %d sent compact block transactions multiple times", s.cfg.Peer)
		s.misbehaving("previous compact block reconstruction attempt failed")
	default:
		s.submitCompact(hash, p, r.b)
	}
	return nil
}

// submitCompact hands a compact block over, with the transactions that were asked
// for if there are any.
func (s *headerExchange) submitCompact(hash chainhash.Hash, p *partial, txs []byte) {
	_, requested := s.down.inFlight[hash]
	req := p2p.SubmitCompactRequest{
		Peer: s.cfg.Peer, Requested: requested, Announced: s.compact.to, Compact: s.compactPeer(),
		Asked: p.asked, Frames: multipart.One(p.raw),
	}
	if txs != nil {
		req.Attached = append(req.Attached, txs)
	}
	ask(s.conversation, true, p2p.SubmitCompact, req, func(v p2p.SubmitCompactReply, err error) {
		if err != nil {
			s.dropBlock(hash)
			s.wakeDownload(false)
			return
		}
		s.judgeCompact(hash, p, v)
	})
}

// judgeCompact does what the node said about a compact block.
func (s *headerExchange) judgeCompact(hash chainhash.Hash, p *partial, v p2p.SubmitCompactReply) {
	header, parent := p.raw[:wire.MaxBlockHeaderPayload], previousHash(p.raw)
	switch h := v.Headers; {
	case v.Malformed != "":
		s.logf("net", "peer=%d: %s", s.cfg.Peer, v.Malformed)
	case h.Unconnecting:
		s.connectHeaders(hash, parent, hash)
	case h.Reject != "" && h.Misbehaving:
		s.misbehaving("invalid header via cmpctblock: %s", h.Reject)
	case h.Reject != "":
		s.logf("net", "peer=%d: %s", s.cfg.Peer, h.Reject)
	case v.AsHeaders:
		s.judgeHeaders(h, parent, []chainhash.Hash{hash}, header)
	default:
		s.followCompact(hash, p, v)
	}
}

// followCompact goes on with a compact block whose header is known to the node.
func (s *headerExchange) followCompact(hash chainhash.Hash, p *partial, v p2p.SubmitCompactReply) {
	if last := v.Headers.Last; last == hash {
		s.learnBest(v.Headers)
		s.tells(v.Headers)
		s.down.learnHeight(last, v.Headers.Height)
		if v.Headers.Download {
			s.downloadTo(last, &v.Headers.Work)
			s.down.active = true
		}
	}
	switch {
	case v.Invalid != "":
		s.dropBlock(hash)
		s.misbehaving("%s", v.Invalid)
	case v.Whole:
		if s.keepPartial(hash, &partial{failed: true}) {
			s.expectBlock(hash)
			s.send(wire.CmdGetData, encodeInventory([]wire.InvVect{{Type: wire.InvTypeWitnessBlock, Hash: hash}}))
		} else {
			s.giveBack(hash)
		}
	case len(v.Missing) > 0:
		p.asked = v.Missing
		if s.keepPartial(hash, p) {
			s.expectBlock(hash)
			s.send(cmdGetBlockTxs, encodeBlockTxs(hash, p.asked))
		} else {
			s.giveBack(hash)
		}
	default:
		s.dropBlock(hash)
		if v.Verdict != nil {
			s.judgeBlock(*v.Verdict)
		}
		s.requestLease(false)
	}
}

// keepPartial reports false if the peer owes too many blocks already. Of compact blocks
// that wait for transactions the oldest makes room: without an answer to it the peer goes
// on to a newer one.
func (s *blockExchange) keepPartial(hash chainhash.Hash, p *partial) bool {
	if s.compact.partials == nil {
		s.compact.partials = make(map[chainhash.Hash]*partial)
	}
	if s.down.room() == 0 {
		return false
	}
	if s.compact.partials[hash] == nil && len(s.compact.partials) >= maxPartials {
		for _, old := range s.down.order {
			if s.compact.partials[old] != nil {
				s.dropBlock(old)
				break
			}
		}
	}
	s.compact.partials[hash] = p
	return true
}

// expectBlock notes that the peer owes a block.
func (s *blockExchange) expectBlock(hash chainhash.Hash) {
	d := &s.down
	if _, expected := d.inFlight[hash]; !expected {
		d.inFlight[hash] = struct{}{}
		d.order = append(d.order, hash)
	}
	d.deadline = s.now.Add(compactPatience)
}

// giveBack asks the peer for a block no more, which the node believes it owes.
func (s *blockExchange) giveBack(hash chainhash.Hash) {
	s.dropBlock(hash)
	if len(s.down.inFlight) == 0 {
		ask(s.conversation, false, p2p.ReleasePeer, p2p.ReleaseRequest{Peer: s.cfg.Peer, Blocks: true}, func(p2p.Done, error) {})
	}
}

// dropBlock forgets that the peer owes a block.
func (s *blockExchange) dropBlock(hash chainhash.Hash) {
	delete(s.compact.partials, hash)
	delete(s.down.inFlight, hash)
	s.down.oldest()
}

// forgetConnected waits no longer for the transactions of blocks that have come
// another way.
func (s *blockExchange) forgetConnected(headers [][]byte) {
	if len(s.compact.partials) == 0 {
		return
	}
	for _, header := range headers {
		if hash := headerHash(header); s.compact.partials[hash] != nil {
			s.dropBlock(hash)
		}
	}
}

// prefersCompact reports whether one block is to be asked for as a compact block:
// the next one, which the mempool may know.
func (s *blockExchange) prefersCompact(hashes []chainhash.Hash) bool {
	if !s.takesCompact() || s.tip.Initial || len(hashes) != 1 || len(s.down.inFlight) > 0 {
		return false
	}
	parent, known := s.announcer.parent(hashes[0])
	return known && parent == s.tip.Hash
}

// announceByCompact sends the one block that the peer lacks if it asked for
// compact blocks and has the one before. It reports false if headers or an inv are
// called for.
func (s *Session) announceByCompact(headers [][]byte) bool {
	if !s.compact.from || len(headers) == 0 {
		return false
	}
	last := headers[len(headers)-1]
	hash, parent := headerHash(last), previousHash(last)
	if s.announcer.peerHas.Has(hash) || !s.announcer.peerHas.Has(parent) {
		return false
	}
	s.announcer.markKnown(hash)
	ask(s.conversation, false, p2p.FetchBlock, p2p.FetchBlockRequest{Hash: hash, Witness: true, Compact: true}, func(f p2p.FetchReply, err error) {
		if err == nil && f.Compact {
			s.logf("net", "sending header-and-ids %s to peer=%d", hash, s.cfg.Peer)
			s.send(cmdCompactBlock, f.First())
			return
		}
		s.announcer.peerHas.Remove(hash)
		if s.tip.Hash == hash { // else the peer hears of it when it is
			s.announceByInv(hash)
		}
	})
	return true
}

// onGetBlockTxs serves transactions of a recent block, or the whole block if it
// is not recent.
func (s *Session) onGetBlockTxs(r *reader) error {
	hash := r.hash()
	indexes := r.blockTxs()
	switch {
	case r.err != nil:
		return r.err
	case len(indexes) == 0:
		s.disconnect(p2p.BrokeProtocol, "getblocktxn received with no transaction indexes")
		return nil
	}
	if s.refusesBlocks() {
		return nil
	}
	ask(s.conversation, true, p2p.FetchBlockTxs, p2p.FetchBlockTxsRequest{Peer: s.cfg.Peer, Hash: hash, Indexes: indexes}, func(f p2p.FetchBlockTxsReply, err error) {
		switch {
		case err != nil:
		case f.NoSuchTxs:
			s.misbehaving("getblocktxn with out-of-bounds tx indices")
		case f.TooDeep:
			s.serving = append(s.serving, wire.InvVect{Type: wire.InvTypeWitnessBlock, Hash: hash})
			s.serveNext()
		case f.Found:
			s.send(cmdBlockTxs, f.First())
		}
	})
	return nil
}
