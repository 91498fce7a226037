package session

import (
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// selfInterval is the mean pause between two tellings of our own address.
const selfInterval = 24 * time.Hour

// announcesSelf reports whether the peer is to be told now and then where we are: while
// the chain is downloaded we are of no use to others.
func (s *addressExchange) announcesSelf() bool {
	return s.cfg.Listening && s.addr.enabled && s.hs.complete && !s.tip.Initial && !s.ended
}

// announceSelf tells the peer our own address if it is time to, and has then follow.
// The peer's next messages wait, so that what is due by now is told before they are
// answered.
func (s *addressExchange) announceSelf(then func()) {
	if !s.announcesSelf() || s.now.Before(s.addr.nextSelf) {
		then()
		return
	}
	first := s.addr.nextSelf.IsZero()
	s.addr.nextSelf, s.addr.asking = s.now.Add(s.exponential(selfInterval)), true
	ask(s.conversation, true, p2p.SelfAddress, p2p.SelfAddressRequest{Peer: s.cfg.Peer}, func(r p2p.SelfAddressReply, err error) {
		s.addr.asking = false
		if err == nil && len(r.Addresses) == 1 {
			own := r.Addresses[0]
			own.Services, own.Time = s.services(), s.now.Unix()
			s.tellSelf(own, first)
		}
		then()
	})
}

// tellSelf sends our address. The first time it goes alone: a peer takes few addresses
// at the beginning, and drops the others. Later it is told again though it is known.
func (s *addressExchange) tellSelf(own p2p.NetAddr, first bool) {
	switch {
	case !own.Fits(s.hs.addrV2):
	case first:
		s.sendAddresses([]p2p.NetAddr{own})
	default:
		clear(s.addr.known)
		s.addr.pending = append(s.addr.pending[:min(len(s.addr.pending), maxAddresses-1)], own)
		s.trickleAddresses()
	}
}

// sendAddresses sends what fits in one message.
func (s *addressExchange) sendAddresses(list []p2p.NetAddr) {
	messageType := wire.CmdAddr
	if s.hs.addrV2 {
		messageType = wire.CmdAddrV2
	}
	s.send(messageType, encodeAddresses(list, s.hs.addrV2))
}
