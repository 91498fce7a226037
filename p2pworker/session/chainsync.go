package session

import (
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// How long an outbound peer may have a chain with less work than our tip had
// (Bitcoin Core's CHAIN_SYNC_TIMEOUT) before it is asked for a better one, for whose
// headers it has headersResponseTime.
const chainSyncTimeout = 20 * time.Minute

// chainSync watches whether an outbound peer keeps up with our chain: one that is
// stuck, or on a branch of its own, has its connection to give to another.
type chainSync struct {
	best     chainhash.Hash // the block with the most work that the peer has; zero for none
	work     p2p.Work       // up to it
	unknown  chainhash.Hash // what it announced last that we did not know
	lastNews time.Time
	// until is when the peer has to have shown as much work as there is up to
	// benchmark, which was our tip; zero if it has. asked: it got its last chance.
	until     time.Time
	benchmark p2p.Tip
	asked     bool
	// protected is the manager's word, asking that it is being asked for.
	protected, asking bool
}

// shows notes that the peer has the chain up to a block. One of full-relay that has as
// much work as we have is worth keeping, whatever becomes of it.
func (s *headerExchange) shows(block chainhash.Hash, work p2p.Work) {
	c := &s.chain
	if c.work.Less(&work) {
		c.best, c.work = block, work
	}
	if s.cfg.Type != p2p.FullRelay || c.protected || c.asking || !s.keepsUp() {
		return
	}
	c.asking = true
	ask(s.conversation, false, p2p.ProtectPeer, p2p.ProtectPeerRequest{Peer: s.cfg.Peer}, func(r p2p.ProtectPeerReply, err error) {
		c.asking = false
		c.protected = err == nil && r.Protected
	})
}

// tells is shows for headers that the peer sent, of which some were new.
func (s *headerExchange) tells(v p2p.SubmitHeadersReply) {
	if v.New > 0 && s.tip.Work.Less(&v.Work) {
		s.chain.lastNews = s.now
	}
	s.shows(v.Last, v.Work)
}

// announces notes a block of which the peer said no more than its hash.
func (c *chainSync) announces(block chainhash.Hash) { c.unknown = block }

// findAnnounced looks whether our tip is what the peer announced.
func (s *headerExchange) findAnnounced() {
	if s.chain.unknown == s.tip.Hash && s.tip.Work != (p2p.Work{}) {
		s.shows(s.tip.Hash, s.tip.Work)
	}
}

// keepsUp reports whether the peer's chain has as much work as ours.
func (s *headerExchange) keepsUp() bool {
	return s.tip.Work != (p2p.Work{}) && !s.chain.work.Less(&s.tip.Work)
}

// judgesChain reports whether the peer is one that has to keep up. Who shows the work of
// its headers before they are kept is watched by the node.
func (s *headerExchange) judgesChain() bool {
	automatic := s.cfg.Type == p2p.FullRelay || s.cfg.Type == p2p.BlockRelayOnly
	return automatic && s.hs.complete && s.headers.started && !s.headers.presyncing && !s.chain.protected && s.tip.Work != (p2p.Work{})
}

// considerChain gives a peer that is behind its time, its last chance, and up.
func (s *headerExchange) considerChain() {
	if s.ended || !s.judgesChain() {
		return
	}
	c := &s.chain
	switch {
	case s.keepsUp():
		c.until = time.Time{}
	case c.until.IsZero(), c.work != (p2p.Work{}) && !c.work.Less(&c.benchmark.Work):
		c.until, c.benchmark, c.asked = s.now.Add(chainSyncTimeout), s.tip, false
	case !s.now.After(c.until):
	case c.asked:
		s.disconnectLogged(p2p.StaysBehind, "", "Outbound peer has old chain, best known block = %s", c.bestName())
	default:
		c.asked, c.until = true, s.now.Add(headersResponseTime)
		s.logf("net", "sending getheaders to outbound peer=%d to verify chain work (current best known block:%s, benchmark blockhash: %s)",
			s.cfg.Peer, c.bestName(), c.benchmark.Hash)
		ask(s.conversation, false, p2p.GetLocator, p2p.LocatorRequest{Below: c.benchmark.Hash}, func(l p2p.LocatorReply, err error) {
			if err == nil {
				s.maybeGetHeaders(l.Hashes)
			}
		})
	}
}

func (c *chainSync) bestName() string {
	if c.best == (chainhash.Hash{}) {
		return "<none>"
	}
	return c.best.String()
}

func (s *headerExchange) chainDue(a *alarm) {
	if s.judgesChain() && !s.chain.until.IsZero() {
		a.ringAfter(s.chain.until)
	}
}
