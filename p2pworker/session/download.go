package session

import (
	"time"

	"github.com/bulkheadnode/bulkhead/internal/multipart"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// download is the state of fetching blocks from the peer by lease.
type download struct {
	best   chainhash.Hash // last header of the branch we download
	work   p2p.Work       // of that branch
	active bool           // there may be more blocks to lease
	asked  int            // lease requests on their way
	coming int            // blocks that they may bring
	latest uint64         // number of the last one
	// overtaken: since it was sent, we learned of more to lease.
	overtaken bool
	// retryAt is when the node may have something for us again, on steady time.
	retryAt time.Time
	// inFlight holds requested blocks that have not arrived.
	inFlight map[chainhash.Hash]struct{}
	order    []chainhash.Hash // of request; may name blocks that arrived
	deadline time.Time
	patience time.Duration
	// heldUp is what the peer is excused since a block came that it owed.
	heldUp excuse

	submissions    int
	submittedBytes int
	averageSize    int
	widest         int       // limit of the window
	lastBlock      time.Time // when one arrived that was new
	first          uint64    // how many were
	// heights holds those of recent headers, for reports.
	heights, formerHeights map[chainhash.Hash]int32
}

func (d *download) learnHeight(h chainhash.Hash, height int32) {
	if len(d.heights) >= maxRecentHeaders {
		d.formerHeights, d.heights = d.heights, make(map[chainhash.Hash]int32)
	}
	d.heights[h] = height
}

// inFlightHeights returns the heights, as far as they are known, of the
// blocks that were requested, in the order of request.
func (d *download) inFlightHeights() (heights []int32) {
	for _, h := range d.order {
		if _, ok := d.inFlight[h]; !ok {
			continue
		}
		height, ok := d.heights[h]
		if !ok {
			height, ok = d.formerHeights[h]
		}
		if ok {
			heights = append(heights, height)
		}
	}
	return heights
}

// maxSubmittedBytes bounds the blocks that are with the node at once.
const maxSubmittedBytes = 16 << 20

func (d *download) init() {
	d.inFlight = make(map[chainhash.Hash]struct{})
	d.heights = make(map[chainhash.Hash]int32)
	d.averageSize = bytesInFlight / MinBlocksInFlight
	d.widest = MaxBlocksInFlight - orderedLease
	d.patience = compactPatience // until a lease says otherwise
}

func (d *download) mayHandOver(size int) bool {
	return d.submissions < MaxSubmissions && (d.submissions == 0 || d.submittedBytes+size <= maxSubmittedBytes)
}

// window is how many blocks to have in flight: bytesInFlight worth of blocks
// of the size that came lately.
func (d *download) window() int {
	return min(max(bytesInFlight/max(d.averageSize, 1), MinBlocksInFlight), d.widest)
}

// free is how many blocks there is room for in the window.
func (d *download) free() int { return d.window() - len(d.inFlight) - d.submissions }

// room is how many blocks more may be expected, whatever the window.
func (d *download) room() int { return max(MaxBlocksInFlight-len(d.inFlight)-d.coming, 0) }

// wantsLease reports whether the node is to be asked for blocks.
func (d *download) wantsLease(ordered bool) bool {
	return d.active && (d.asked == 0 || ordered) && d.free() >= (d.window()+1)/2
}

// leaseSize is how many blocks to ask for. What is granted has to find room: the node
// gives to nobody else what we do not fetch.
func (d *download) leaseSize() int {
	if d.asked > 0 {
		return min(d.room(), orderedLease)
	}
	return min(d.room(), d.free())
}

// continueDownload keeps the window filled and watches the time.
func (s *blockExchange) continueDownload() {
	s.checkBlockTimeout()
	if !s.ended && !s.steady().Before(s.down.retryAt) {
		s.requestLease(false)
	}
}

// requestLease asks the node for blocks when half of the window is free. If the
// answer has to come before the peer's next message, one that is on its way is
// not waited for.
func (s *blockExchange) requestLease(ordered bool) {
	d := &s.down
	if !d.wantsLease(ordered) {
		return
	}
	size := d.leaseSize()
	d.asked++
	d.coming += size
	d.latest++
	d.overtaken = false
	number := d.latest
	ask(s.conversation, ordered, p2p.LeaseBlocks, p2p.LeaseRequest{Peer: s.cfg.Peer, Best: d.best, Max: size, Limited: s.hs.peer.Services&wire.SFNodeNetwork == 0}, func(l p2p.LeaseReply, err error) {
		d.asked--
		d.coming -= size
		overtaken := d.overtaken || number != d.latest
		switch {
		case err != nil:
			d.retryAt = s.steady().Add(nodeRetry)
		case len(l.Hashes) > 0:
			l.Hashes = l.Hashes[:min(len(l.Hashes), size)]
			s.requestBlocks(l)
		case overtaken:
			// Nothing was to be had then: that says nothing about now.
		default:
			d.active = l.Retry
			d.retryAt = s.steady().Add(leaseRetry)
		}
		if d.overtaken && err == nil {
			s.requestLease(ordered)
		}
	})
}

// wakeDownload asks for blocks that may be there to lease now. An answer that
// is on its way may not know of them.
func (s *blockExchange) wakeDownload(ordered bool) {
	d := &s.down
	d.active, d.overtaken, d.retryAt = true, d.asked > 0, time.Time{}
	s.requestLease(ordered)
}

// demandTime is how long a peer has for a block that a user wants from it.
const demandTime = time.Minute

// demandBlock requests a block that is leased to the peer because a user wants it.
func (s *blockExchange) demandBlock(hash chainhash.Hash) {
	d := &s.down
	if _, requested := d.inFlight[hash]; requested {
		return
	}
	d.inFlight[hash] = struct{}{}
	d.order = append(d.order, hash)
	d.patience = max(d.patience, demandTime)
	d.deadline = s.now.Add(d.patience)
	s.logf("net", "Requesting block %s from peer=%d", hash, s.cfg.Peer)
	s.send(wire.CmdGetData, encodeInventory([]wire.InvVect{{Type: wire.InvTypeWitnessBlock, Hash: hash}}))
}

func (s *blockExchange) requestBlocks(l p2p.LeaseReply) {
	d := &s.down
	compact := s.prefersCompact(l.Hashes)
	list := make([]wire.InvVect, 0, len(l.Hashes))
	for _, h := range l.Hashes {
		if _, requested := d.inFlight[h]; requested {
			continue
		}
		d.inFlight[h] = struct{}{}
		d.order = append(d.order, h)
		list = append(list, wire.InvVect{Type: wire.InvTypeWitnessBlock, Hash: h})
		s.logf("net", "Requesting block %s from peer=%d", h, s.cfg.Peer)
	}
	if compact {
		list[0].Type = invCompactBlock
	}
	d.patience = time.Duration(l.Seconds) * time.Second
	d.deadline = s.now.Add(d.patience)
	if len(list) > 0 {
		s.send(wire.CmdGetData, encodeInventory(list))
	}
}

// excuseWaiting puts the deadline off while blocks wait for the node, which is not
// the peer's fault. What is the case now has been since the last Step.
func (s *blockExchange) excuseWaiting() {
	d := &s.down
	if len(d.inFlight) == 0 {
		d.heldUp = excuse{}
	} else if d.submissions > 0 || s.held.len() > 0 || s.excused(&d.heldUp) {
		d.deadline = s.now.Add(d.patience)
	}
}

// tipDistance is how many blocks a peer may be ahead for the next ones to count as the
// tip.
const tipDistance = 2

// AwaitsTip reports whether the peer owes us the last blocks of the chain, for which
// all else may wait.
func (s *Session) AwaitsTip() bool {
	return len(s.down.inFlight) > 0 && !s.tip.Initial && s.headers.known && s.headers.height <= s.tip.Height+tipDistance
}

// checkBlockTimeout gives up a peer that owes us a block for too long.
func (s *blockExchange) checkBlockTimeout() {
	d := &s.down
	if len(d.inFlight) == 0 {
		return
	}
	if s.now.After(d.deadline) {
		s.disconnectLogged(p2p.BlockTimeout, "", "Timeout downloading block %s", d.oldest())
	}
}

// stalls ends the connection of a peer for which the whole download waits, unless
// what it owed is on its way to the node. If it owes nothing that we know of, the
// node is told so.
func (s *blockExchange) stalls() {
	switch d := &s.down; {
	case d.submissions > 0 || s.held.len() > 0 || s.excused(&d.heldUp):
	case len(d.inFlight) > 0:
		s.disconnectLogged(p2p.StallsDownload, "", "Peer is stalling block download")
	default:
		ask(s.conversation, false, p2p.ReleasePeer, p2p.ReleaseRequest{Peer: s.cfg.Peer, Blocks: true}, func(p2p.Done, error) {})
	}
}

// oldest returns the block that was requested first of those in flight.
func (d *download) oldest() chainhash.Hash {
	for len(d.order) > 0 {
		if _, ok := d.inFlight[d.order[0]]; ok {
			return d.order[0]
		}
		d.order = d.order[1:]
	}
	return chainhash.Hash{}
}

// requested reports whether a block is one that we asked the peer for.
func (d *download) requested(raw []byte) bool {
	if len(d.inFlight) == 0 || len(raw) < wire.MaxBlockHeaderPayload {
		return false
	}
	_, ok := d.inFlight[headerHash(raw)]
	return ok
}

func (s *blockExchange) onBlock(m Message) error {
	if len(m.Payload) <= wire.MaxBlockHeaderPayload {
		return errEndOfData
	}
	r := &reader{b: m.Payload[wire.MaxBlockHeaderPayload:]}
	if r.size(); r.err != nil {
		return r.err
	}
	d := &s.down
	hash := headerHash(m.Payload)
	s.logf("net", "received block %s peer=%d", hash, s.cfg.Peer)
	requested := d.requested(m.Payload)
	delete(s.compact.partials, hash)
	if requested {
		delete(d.inFlight, hash)
		d.oldest()
		d.deadline, d.heldUp = s.now.Add(d.patience), excuse{}
	}
	d.averageSize += (len(m.Payload) - d.averageSize) / 16
	s.announcer.learn(hash, previousHash(m.Payload))
	s.announcer.markKnown(hash)
	d.submissions++
	d.submittedBytes += len(m.Payload)
	s.submitBlock(m.Payload, requested)
	return nil
}

// submitBlock hands a block over.
func (s *blockExchange) submitBlock(raw []byte, requested bool) {
	// The header of a block that was not requested may be unknown, and with it
	// those of the blocks that follow: they wait.
	ask(s.conversation, !requested, p2p.SubmitBlock, p2p.SubmitBlockRequest{Peer: s.cfg.Peer, Requested: requested, Compact: s.compactPeer(), Frames: multipart.One(raw)}, func(v p2p.SubmitReply, err error) {
		s.blockProcessed(len(raw), v, err)
	})
}

func (s *blockExchange) blockProcessed(size int, v p2p.SubmitReply, err error) {
	s.down.submissions--
	s.down.submittedBytes -= size
	switch {
	case err != nil:
	case v.Malformed && !v.Misbehaving:
		s.logMalformed(wire.CmdBlock, size, v.Reject)
	default:
		s.judgeBlock(v)
	}
	if !s.ended && !s.steady().Before(s.down.retryAt) {
		s.requestLease(false)
	}
}

func (s *blockExchange) judgeBlock(v p2p.SubmitReply) {
	if v.New {
		s.down.lastBlock = s.now
		s.down.first++
	}
	if v.Announce {
		s.setAnnouncer(true)
	}
	switch {
	case v.Mutated:
		s.logf("net", "Received mutated block from peer=%d", s.cfg.Peer)
		s.misbehaving("mutated block")
	case s.deserves(v.Misbehaving, v.Reject):
		s.misbehaving("%s", v.Reject)
	case v.Reject != "":
		s.logf("net", "peer=%d: %s", s.cfg.Peer, v.Reject)
	}
}

// deserves reports whether the peer is to go for what the node refused. One
// that came to us may believe in a chain that we know to be invalid.
func (s *conversation) deserves(misbehaving bool, reject string) bool {
	return misbehaving && (reject != knownInvalid || s.outbound())
}

// knownInvalid is the reason to refuse what was found invalid before.
const knownInvalid = "duplicate-invalid"

// onMissingBlock is a notfound for a block: the lease goes back at once.
func (s *blockExchange) onMissingBlock(h chainhash.Hash) {
	if _, ok := s.down.inFlight[h]; !ok {
		return
	}
	clear(s.down.inFlight)
	clear(s.compact.partials)
	s.down.order, s.down.active = nil, false
	ask(s.conversation, false, p2p.ReleasePeer, p2p.ReleaseRequest{Peer: s.cfg.Peer, Blocks: true}, func(p2p.Done, error) {})
}
