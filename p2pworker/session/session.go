package session

import (
	"fmt"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"

	"github.com/btcsuite/btcd/wire/v2"
)

// Session is the state of one connection. See the package comment.
type Session struct {
	*conversation
	*headerExchange
	*txExchange
	*addressExchange
	ping    pinger
	recon   reconciliation
	private privateSend
	serving []wire.InvVect // what getdata asked for and was not served yet
	missing []wire.InvVect // of it, what we do not have
	ticked  time.Time      // when the last Tick came, and what it told
	traffic Tick
}

// The exchanges with the peer, each with its own state over that of the
// conversation.
type (
	// announcements tells the peer of headers and blocks.
	announcements struct {
		*conversation
		announcer announcer
	}
	// blockExchange downloads blocks.
	blockExchange struct {
		*announcements
		down    download
		compact compactRelay
	}
	// headerExchange syncs headers, which say what to download.
	headerExchange struct {
		*blockExchange
		headers headerSync
		chain   chainSync
	}
	// txExchange downloads transactions and announces ours.
	txExchange struct {
		*conversation
		txIn  txDownload
		txOut txRelay
		bloom bloomRelay
		fee   feeFilter
	}
	// addressExchange gossips addresses.
	addressExchange struct {
		*conversation
		addr addressRelay
	}
)

// New returns the session of a connection. It does nothing before Opened.
func New(cfg Config) *Session {
	c := &conversation{cfg: cfg, pending: make(map[uint64]pendingRequest), tip: cfg.Tip}
	c.name = fmt.Sprintf("peer=%d", cfg.Peer)
	if cfg.LogIPs {
		c.name += ", peeraddr=" + cfg.Address
	}
	s := &Session{
		conversation:    c,
		headerExchange:  &headerExchange{blockExchange: &blockExchange{announcements: &announcements{conversation: c}}},
		txExchange:      &txExchange{conversation: c},
		addressExchange: &addressExchange{conversation: c},
	}
	s.headers.presynced = -1
	s.txOut.init()
	s.down.init()
	s.announcer.init()
	return s
}

// Step handles one input and returns what is to be done, in order. The slice
// is valid until the next Step.
func (s *Session) Step(now time.Time, in Input) []Effect {
	s.now = now
	s.effects = s.effects[:0]
	if s.ended {
		return nil
	}
	if s.cfg.Type == p2p.PrivateBroadcast {
		s.stepPrivate(in)
		return s.effects
	}
	s.excuseWaiting()
	s.dispatch(in)
	s.processHeld()
	s.considerChain()
	s.tellTxRelay()
	s.tellUpload()
	return s.effects
}

// Full reports that no further Message may be delivered for now.
func (s *Session) Full() bool {
	return s.held.bytes >= MaxHeldBytes || s.held.len() >= MaxHeldMessages
}

func (s *Session) dispatch(in Input) {
	switch in := in.(type) {
	case Opened:
		s.open()
	case Message:
		s.held.push(in)
		s.down.heldUp.ahead += len(in.Payload) + messageOverhead
	case Tick:
		s.tick(in)
	case Reply:
		s.reply(in)
	case BlockSeen:
		s.blockSeen(in)
	case TipChanged:
		s.tipChanged(in)
	case p2p.TxsAnnouncedEvent:
		if in.To.Includes(s.cfg.Type) {
			s.queueTxs(in.Txs)
		}
	case RelayAddresses:
		s.queueAddresses(in.Addresses)
	case NodeRestarted:
		s.restartSync()
	case PingNow:
		s.ping.queued = true
		s.maybePing()
	case p2p.PeerEvent:
		s.hear(in)
	case Kick:
		s.kicked(in)
	case SendRaw:
		s.send(in.Type, in.Payload)
	default:
		panic(fmt.Sprintf("session: %T is no input", in))
	}
}

// hear takes what the node tells this session alone.
func (s *Session) hear(ev p2p.PeerEvent) {
	if blamed := ev.Blamed; blamed != nil {
		s.judgeBlock(p2p.SubmitReply{Reject: blamed.Reason, Misbehaving: true})
	}
	if ev.Demand != nil && s.hs.complete {
		s.demandBlock(ev.Demand.Hash)
	}
	if ev.Stalls {
		s.stalls()
	}
	if ev.Fetch && s.headers.known {
		s.wakeDownload(false)
	}
	if ev.Headers && s.hs.complete {
		s.headers.retryAt, s.headers.woken = time.Time{}, true
		s.syncHeaders()
	}
	if ev.Txs && s.hs.complete {
		s.txIn.due = s.now
		s.comeForTxs()
	}
	if ev.Relieved {
		s.setAnnouncer(false)
	}
}

func (s *Session) open() {
	s.opened = s.now
	if s.cfg.Type != p2p.Inbound {
		s.sendVersion()
	}
}

// tick runs everything that depends on time alone.
func (s *Session) tick(t Tick) {
	s.ticked, s.traffic = s.now, t
	s.checkInactivity(t)
	s.checkAddrFetch()
	if s.ended || !s.hs.complete {
		return
	}
	s.maybePing()
	s.checkLead()
	s.syncHeaders()
	s.repeatGetHeaders()
	s.continueDownload()
	s.trickleTxs()
	s.comeForTxs()
	s.announceSelf(func() {})
	s.trickleAddresses()
	s.maybeSendFeeFilter()
}

func (s *Session) processHeld() {
	for !s.ended && s.held.len() > 0 {
		s.announceSelf(func() {})
		if !s.mayProcess(s.held.first()) {
			return
		}
		s.handle(s.held.pop())
		// What is due by now is told before the next message is answered.
		if !s.ended && s.hs.complete {
			s.trickleTxs()
		}
	}
}

// mayProcess implements the order guarantee.
func (s *Session) mayProcess(m *Message) bool {
	if s.barrier > 0 {
		return false
	}
	if m.Type == wire.CmdBlock && s.hs.complete && s.down.requested(m.Payload) {
		return s.down.mayHandOver(len(m.Payload))
	}
	return s.down.submissions == 0
}

func (s *conversation) logReceived(m *Message) {
	s.logf("net", "received: %s (%d bytes) peer=%d", sanitize(m.Type), len(m.Payload), s.cfg.Peer)
}

// handle processes one message of the peer.
func (s *Session) handle(m Message) {
	s.logReceived(&m)
	if err := s.process(m); err != nil {
		s.logMalformed(m.Type, len(m.Payload), err.Error())
	}
}
