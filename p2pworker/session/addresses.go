package session

import (
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"

	"github.com/btcsuite/btcd/wire/v2"
)

// Rate limit of addresses from a peer, as Bitcoin Core's.
const (
	addrPerSecond  = 0.1
	addrBucketSize = maxAddresses
)

// addressRelay is the exchange of addresses with the peer.
type addressRelay struct {
	// enabled is set when the peer has shown that it takes part.
	enabled   bool
	requested bool // we sent getaddr and await a full answer
	answered  bool // the peer's getaddr was answered
	tokens    float64
	filledAt  time.Time
	processed uint64
	limited   uint64
	known     map[string]struct{}
	pending   []p2p.NetAddr
	next      time.Time
	asking    bool      // for our own address, which goes with what is due
	nextSelf  time.Time // when our own address is told again; zero if it was not
}

// maxKnownAddresses bounds the memory of what a peer was told.
const maxKnownAddresses = 5000

func (a *addressRelay) enable() {
	if !a.enabled {
		a.enabled = true
		a.known = make(map[string]struct{})
	}
}

func (a *addressRelay) markKnown(key string) {
	if len(a.known) >= maxKnownAddresses {
		clear(a.known)
	}
	a.known[key] = struct{}{}
}

// requestAddresses sends getaddr to a peer that we chose, once.
func (s *addressExchange) requestAddresses() {
	s.addr.enable()
	s.addr.filledAt = s.now
	s.addr.tokens = 1 + maxAddresses
	s.addr.requested = true
	s.drawNextAddresses()
	s.send(wire.CmdGetAddr, nil)
}

func (s *addressExchange) onAddresses(messageType string, r *reader) error {
	if s.blockRelayOnly() || s.cfg.Type == p2p.Feeler {
		s.logf("net", "ignoring %s message from %s peer=%d", messageType, s.cfg.Type, s.cfg.Peer)
		return nil
	}
	s.enableAddresses()
	list, n, err := readAddresses(r, messageType == wire.CmdAddrV2)
	if err != nil {
		return err
	}
	if n > maxAddresses {
		s.misbehaving("%s message size = %d", messageType, n)
		return nil
	}
	s.takeAddresses(list)
	return nil
}

func (s *addressExchange) enableAddresses() {
	if !s.addr.enabled {
		s.addr.enable()
		s.addr.tokens, s.addr.filledAt = 1, s.now
	}
}

// takeAddresses applies the rate limit and hands over what passes.
func (s *addressExchange) takeAddresses(list []p2p.NetAddr) {
	s.refillAddressTokens()
	var good, relay []p2p.NetAddr
	processed, limited := 0, 0
	for _, a := range list {
		if s.addr.tokens < 1 {
			if !s.cfg.Permissions.Has(p2p.Addr) {
				limited++
				continue
			}
		} else {
			s.addr.tokens--
		}
		if a.Services&(wire.SFNodeNetwork|wire.SFNodeNetworkLimited) == 0 {
			continue
		}
		a.Time = plausibleTime(a.Time, s.now)
		s.addr.markKnown(a.Key())
		processed++
		good = append(good, a)
		fresh := a.Time > s.now.Add(-10*time.Minute).Unix()
		if fresh && !s.addr.requested && len(list) <= 10 && a.Routable() {
			relay = append(relay, a)
		}
	}
	s.addr.processed += uint64(processed)
	s.addr.limited += uint64(limited)
	s.logf("net", "Received addr: %d addresses (%d processed, %d rate-limited) from peer=%d",
		len(list), processed, limited, s.cfg.Peer)
	if len(good) > 0 {
		ask(s.conversation, false, p2p.AddAddresses, p2p.AddAddressesRequest{Peer: s.cfg.Peer, Addresses: good, Relay: relay}, func(p2p.Done, error) {})
	}
	if len(list) < maxAddresses {
		s.addr.requested = false
	}
	if s.cfg.Type == p2p.AddrFetch && len(list) > 1 {
		s.disconnect(p2p.AddrFetchDone, "addrfetch connection completed")
	}
}

func (s *addressExchange) refillAddressTokens() {
	if s.addr.tokens < addrBucketSize {
		passed := max(s.now.Sub(s.addr.filledAt).Seconds(), 0)
		s.addr.tokens = min(s.addr.tokens+passed*addrPerSecond, addrBucketSize)
	}
	s.addr.filledAt = s.now
}

// plausibleTime replaces a time in the far past or in the future by five days ago.
func plausibleTime(t int64, now time.Time) int64 {
	if t <= 100_000_000 || t > now.Add(10*time.Minute).Unix() {
		return now.Add(-5 * 24 * time.Hour).Unix()
	}
	return t
}

func (s *addressExchange) onGetAddr() {
	if s.cfg.Type != p2p.Inbound {
		// Answering would let a peer recognise us by addresses it planted.
		s.logf("net", "Ignoring \"getaddr\" from %s connection. peer=%d", s.cfg.Type, s.cfg.Peer)
		return
	}
	s.enableAddresses()
	if s.addr.answered {
		s.logf("net", "Ignoring repeated \"getaddr\". peer=%d", s.cfg.Peer)
		return
	}
	s.addr.answered = true
	s.addr.pending = nil
	s.announceSelf(func() {
		ask(s.conversation, true, p2p.GetAddresses, p2p.GetAddressesRequest{Peer: s.cfg.Peer}, func(l p2p.AddressesReply, err error) {
			if err == nil {
				s.queueAddresses(l.Addresses)
				s.trickleAddresses()
			}
		})
	})
}

func (s *addressExchange) queueAddresses(list []p2p.NetAddr) {
	if !s.addr.enabled {
		return
	}
	if len(s.addr.pending) == 0 && !s.addr.next.IsZero() && !s.now.Before(s.addr.next) {
		s.drawNextAddresses() // as for transactions
	}
	for _, a := range list {
		if len(s.addr.pending) >= maxAddresses {
			return
		}
		if _, known := s.addr.known[a.Key()]; !known && a.Fits(s.hs.addrV2) {
			s.addr.pending = append(s.addr.pending, a)
		}
	}
}

func (s *addressExchange) drawNextAddresses() {
	s.addr.next = s.now.Add(s.exponential(addressTrickle))
}

// trickleAddresses sends what is pending at random times.
func (s *addressExchange) trickleAddresses() {
	if !s.addr.enabled || s.addr.asking || s.now.Before(s.addr.next) {
		return
	}
	s.drawNextAddresses()
	fresh := s.addr.pending[:0]
	for _, a := range s.addr.pending {
		if _, known := s.addr.known[a.Key()]; !known {
			s.addr.markKnown(a.Key())
			fresh = append(fresh, a)
		}
	}
	s.addr.pending = nil
	if len(fresh) == 0 {
		return
	}
	s.sendAddresses(fresh)
}
