package session

import (
	"slices"
	"time"

	"github.com/bulkheadnode/bulkhead/internal/multipart"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// headerSync is what we know of the peer's header chain.
type headerSync struct {
	started bool
	// deadline is when the peer is to have told all its headers, zero for none.
	deadline time.Time
	// heldUp is what the peer is excused beyond that.
	heldUp excuse
	// retryAt delays the next attempt to start after the node failed us.
	retryAt time.Time
	// woken: the node let us start while its answer that we had to wait was on its way.
	woken bool
	// requested is when the getheaders was sent that waits for an answer.
	requested time.Time
	// announced is set when a block was announced that the unanswered request
	// may be too old to bring, or that could not be asked for; it is
	// announcedBlock. After repeatAt it is asked for again.
	announced      bool
	announcedBlock chainhash.Hash
	repeatAt       time.Time
	// early: a block announcement made us ask for headers before the sync with
	// this peer has started, which happens once.
	early  bool
	best   chainhash.Hash
	height int32    // of best, -1 before it is known
	work   p2p.Work // of the chain to best
	// presynced is the height of the last header that was not kept, as the chain
	// has yet to show its work; -1 if there is none.
	presynced int32
	// presyncing: the unanswered request is for more of such headers. Another one
	// in between would bring what does not follow them.
	presyncing bool
	// begunAgain is when such headers were asked for anew, as they had ended too early.
	begunAgain time.Time
	known      bool
	// trail holds the last header of earlier full batches, newest first.
	trail           []chainhash.Hash
	sentSendHeaders bool
}

// maxTrail bounds the locator built while full batches arrive.
const maxTrail = 10

// syncHeaders starts asking the peer for its headers, once.
func (s *headerExchange) syncHeaders() {
	if s.ended || !s.wantsHeaders() || s.now.Before(s.headers.retryAt) {
		return
	}
	s.headers.started, s.headers.woken = true, false
	req := p2p.LocatorRequest{Peer: s.cfg.Peer, Begin: true, Preferred: s.outbound() || s.cfg.Permissions.Has(p2p.NoBan)}
	ask(s.conversation, false, p2p.GetLocator, req, func(l p2p.LocatorReply, err error) {
		if err != nil || l.Wait {
			s.headers.started = false
			s.headers.retryAt = s.now.Add(nodeRetry)
			if err == nil {
				s.headers.retryAt = s.now.Add(headersRetry)
			}
			if soon := time.Duration(l.Patience) * time.Millisecond; soon > 0 && soon < headersRetry {
				s.headers.retryAt = s.now.Add(soon)
			}
			if s.headers.woken {
				s.headers.retryAt = time.Time{}
				s.syncHeaders()
			}
			return
		}
		s.headers.setDeadline(s.now, l.Patience)
		// Starting one below our best header makes the answer of a peer in
		// sync non-empty, which tells us that it has that header. The tip that
		// we know of may be older than the locator.
		height := s.tip.HeaderHeight
		if len(l.Hashes) > 1 {
			l.Hashes = l.Hashes[1:]
			height = max(height-1, 0)
		}
		if s.maybeGetHeaders(l.Hashes) {
			s.logf("net", "initial getheaders (%d) to peer=%d", height, s.cfg.Peer)
		}
	})
}

// wantsHeaders reports whether the sync is still to be started.
func (s *headerExchange) wantsHeaders() bool {
	return !s.headers.started && s.servesBlocks() && s.cfg.Type != p2p.Feeler && s.cfg.Type != p2p.AddrFetch
}

// restartSync begins the header sync anew, for a node that has forgotten.
// Blocks that are on their way are still welcome.
func (s *headerExchange) restartSync() {
	s.headers.started, s.headers.retryAt = false, time.Time{}
	s.headers.requested, s.headers.trail, s.headers.presyncing = time.Time{}, nil, false
	s.headers.work, s.down.work = p2p.Work{}, p2p.Work{} // it may have forgotten the best ones
	s.setAnnouncer(false)                                // it will choose anew
	if s.hs.complete {
		s.syncHeaders()
	}
}

// maybeGetHeaders sends a getheaders unless one is on its way already.
func (s *headerExchange) maybeGetHeaders(locator []chainhash.Hash) bool {
	if !s.headers.requested.IsZero() && s.now.Sub(s.headers.requested) <= headersResponseTime {
		return false
	}
	s.headers.requested, s.headers.announced = s.now, false
	s.send(wire.CmdGetHeaders, encodeLocator(locator, chainhash.Hash{}))
	return true
}

// repeatGetHeaders asks again for what was announced after a request that is
// still without an answer: some implementations leave one unanswered as long
// as they believe that their own chain is behind.
func (s *headerExchange) repeatGetHeaders() {
	h := &s.headers
	if !h.announced || s.now.Before(h.repeatAt) || s.now.Sub(h.requested) <= h.answerTime() {
		return
	}
	h.repeatAt = s.now.Add(nodeRetry)
	ask(s.conversation, false, p2p.GetLocator, p2p.LocatorRequest{}, func(l p2p.LocatorReply, err error) {
		if err == nil && h.announced {
			h.requested = time.Time{}
			s.maybeGetHeaders(l.Hashes)
		}
	})
}

// answerTime is how long a request may be without an answer before what was
// announced since is asked for.
func (h *headerSync) answerTime() time.Duration {
	if h.presyncing {
		return headersResponseTime
	}
	return announcedRetry
}

// remember keeps a block that was announced for when headers may be asked for.
func (h *headerSync) remember(block chainhash.Hash, repeatAt time.Time) {
	h.announced, h.announcedBlock, h.repeatAt = true, block, repeatAt
}

func (s *headerExchange) onHeaders(r *reader) error {
	n := r.size()
	if r.err != nil {
		return r.err
	}
	if n > maxHeaders {
		s.misbehaving("headers message size = %d", n)
		return nil
	}
	raw, hashes, err := readHeaders(r, n)
	if err != nil {
		return err
	}
	if n == 0 {
		s.headers.requested = time.Time{}
		s.fetchOvertaken()
		return nil
	}
	for i := 1; i < n; i++ {
		if previousHash(raw[i*wire.MaxBlockHeaderPayload:]) != hashes[i-1] {
			s.misbehaving("non-continuous headers sequence")
			return nil
		}
	}
	first := previousHash(raw)
	req := p2p.SubmitHeadersRequest{Peer: s.cfg.Peer, Trusted: s.cfg.Permissions.Has(p2p.NoBan), Frames: multipart.One(raw)}
	ask(s.conversation, true, p2p.SubmitHeaders, req, func(v p2p.SubmitHeadersReply, err error) {
		if err != nil {
			// Nobody knows what became of them: the sync starts anew.
			s.headers.started, s.headers.retryAt = false, s.now.Add(nodeRetry)
			s.headers.requested, s.headers.trail = time.Time{}, nil
			return
		}
		s.judgeHeaders(v, first, hashes, raw)
	})
	return nil
}

// readHeaders takes n headers, each followed by a transaction count.
func readHeaders(r *reader, n int) (raw []byte, hashes []chainhash.Hash, err error) {
	raw = make([]byte, 0, min(n*wire.MaxBlockHeaderPayload, len(r.b)))
	hashes = make([]chainhash.Hash, 0, n)
	for range n {
		header := r.take(wire.MaxBlockHeaderPayload)
		r.size()
		if r.err != nil {
			return nil, nil, r.err
		}
		raw = append(raw, header...)
		hashes = append(hashes, headerHash(header))
	}
	return raw, hashes, nil
}

func (s *headerExchange) judgeHeaders(v p2p.SubmitHeadersReply, parent chainhash.Hash, hashes []chainhash.Hash, raw []byte) {
	last := hashes[len(hashes)-1]
	if v.Ended && v.Unconnecting && !s.beginsAgain() {
		s.announcer.markKnown(last)
		return
	}
	if v.Ended { // whether they connect or not
		s.headers.requested, s.headers.presyncing, s.headers.presynced = time.Time{}, false, -1
	}
	if v.Unconnecting {
		s.announcer.markKnown(last)
		s.connectHeaders(hashes[0], parent, last)
		return
	}
	// Headers that connect may be the answer, good or bad.
	s.headers.requested = time.Time{}
	switch {
	case s.deserves(v.Misbehaving, v.Reject):
		s.misbehaving("%s", v.Reject)
		return
	case v.Reject != "":
		s.logf("net", "peer=%d: %s", s.cfg.Peer, v.Reject)
		return
	}
	s.headers.presynced, s.headers.presyncing = -1, false
	if v.LowWork {
		s.continuePresync(v.Presync)
		return
	}
	if slices.Contains(hashes, s.headers.announcedBlock) {
		s.headers.announced = false
	}
	s.learnHeaders(v, hashes, raw)
	switch {
	case v.Presync != nil:
		s.continuePresync(v.Presync)
	case len(hashes) == maxHeaders:
		s.requestMoreHeaders(last, parent)
	default:
		s.headers.trail = nil
		s.maybeSendHeadersPreference()
		s.fetchOvertaken()
	}
	if v.Download && s.hs.peer.Services&wire.SFNodeWitness != 0 {
		s.downloadTo(v.Last, &v.Work)
		s.wakeDownload(!s.tip.Initial)
	}
}

// beginsAgain reports whether headers that have not shown their work are asked for anew:
// the peer's chain may have grown meanwhile. One that is not enough ends so each time:
// the next pass may begin when an answer would be given up.
func (s *headerExchange) beginsAgain() bool {
	h := &s.headers
	h.presynced = -1
	if !h.begunAgain.IsZero() && s.now.Sub(h.begunAgain) <= headersResponseTime {
		return false
	}
	h.begunAgain = s.now
	return true
}

// learnHeaders notes headers that the peer has.
func (s *headerExchange) learnHeaders(v p2p.SubmitHeadersReply, hashes []chainhash.Hash, raw []byte) {
	last := hashes[len(hashes)-1]
	for i, h := range hashes {
		s.announcer.learn(h, previousHash(raw[i*wire.MaxBlockHeaderPayload:]))
		if v.Last == last {
			s.down.learnHeight(h, v.Height-int32(len(hashes)-1-i))
		}
	}
	s.announcer.markKnown(last)
	s.learnBest(v)
	s.tells(v)
}

// learnBest notes the best header that the peer has. Messages may overtake each
// other: an older one is no news.
func (s *headerExchange) learnBest(v p2p.SubmitHeadersReply) {
	if s.headers.known && v.Work.Less(&s.headers.work) {
		return
	}
	s.headers.best, s.headers.height, s.headers.work, s.headers.known = v.Last, v.Height, v.Work, true
}

// downloadTo has the blocks of the peer's chain fetched to one of them, or to a
// better one that is known already.
func (s *headerExchange) downloadTo(block chainhash.Hash, work *p2p.Work) {
	if !work.Less(&s.down.work) {
		s.down.best, s.down.work = block, *work
	}
}

// continuePresync asks for more headers of a chain that has yet to show its work,
// if there may be more.
func (s *headerExchange) continuePresync(p *p2p.Presync) {
	if p == nil || len(p.Locator) == 0 {
		return
	}
	s.headers.presynced, s.headers.presyncing = p.Height, true
	if s.maybeGetHeaders(p.Locator) {
		s.logf("net", "more getheaders (from %s) to peer=%d", p.Locator[0], s.cfg.Peer)
	}
}

// fetchOvertaken asks for headers again if a block was announced meanwhile
// that the answer did not bring: the peer had written it before.
func (s *headerExchange) fetchOvertaken() {
	if s.headers.announced {
		s.headers.announced = false
		s.fetchHeadersFor(s.headers.announcedBlock)
	}
}

// connectHeaders asks for what lies between our chain and headers that do not
// connect to it. They end with the block last.
func (s *headerExchange) connectHeaders(first, parent, last chainhash.Hash) {
	ask(s.conversation, true, p2p.GetLocator, p2p.LocatorRequest{}, func(l p2p.LocatorReply, err error) {
		switch {
		case err != nil:
			s.headers.remember(last, s.now.Add(nodeRetry))
		case s.maybeGetHeaders(l.Hashes):
			s.logf("net", "received header %s: missing prev block %s, sending getheaders (%d) to end (peer=%d)",
				first, parent, s.tip.HeaderHeight, s.cfg.Peer)
		default:
			s.headers.remember(last, s.now)
		}
	})
}

// requestMoreHeaders continues after a full batch. The locator is made of the
// batches themselves, which the peer certainly knows.
func (s *headerExchange) requestMoreHeaders(last, parent chainhash.Hash) {
	locator := append([]chainhash.Hash{last}, s.headers.trail...)
	locator = append(locator, parent)
	s.headers.trail = locator[:min(len(locator), maxTrail)]
	if s.maybeGetHeaders(locator) {
		s.logf("net", "more getheaders (%d) to end to peer=%d", s.headers.height, s.cfg.Peer)
	}
}

// maybeSendHeadersPreference sends sendheaders (BIP130) once the initial
// headers of the peer have arrived: announcements before would interfere.
func (s *headerExchange) maybeSendHeadersPreference() {
	if !s.headers.sentSendHeaders && s.hs.common >= sendHeadersVersion {
		s.headers.sentSendHeaders = true
		s.send(wire.CmdSendHeaders, nil)
	}
}
