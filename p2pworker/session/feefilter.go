package session

import (
	"encoding/binary"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"

	"github.com/btcsuite/btcd/wire/v2"
)

const (
	maxMoney = 21_000_000 * 100_000_000
	// feeSpacing and maxFilterRate shape the buckets that rates are rounded
	// to, so that a filter does not identify a node.
	feeSpacing      = 1.1
	maxFilterRate   = 1e7
	defaultMinRelay = 100 // satoshi per 1000 vbytes
)

// feeFilter is the announcing of our own limit (BIP133).
type feeFilter struct {
	sent int64
	next time.Time
}

func (s *txExchange) onFeeFilter(r *reader) error {
	rate := int64(r.u64())
	if r.err != nil {
		return r.err
	}
	if rate < 0 || rate > maxMoney {
		return nil
	}
	s.txOut.minFeeRate = rate
	s.logf("net", "received: feefilter of %d.%08d BTC/kvB from peer=%d", rate/1e8, rate%1e8, s.cfg.Peer)
	return nil
}

// maybeSendFeeFilter tells the peer below which rate we want no announcements.
func (s *txExchange) maybeSendFeeFilter() {
	if s.ended || !s.tellsFeeFilter() {
		return
	}
	rate := s.tip.MinFeeRate
	highest := roundDown(maxMoney)
	if s.tip.Initial {
		rate = maxMoney
	} else if s.fee.sent == highest {
		s.fee.next = time.Time{} // initial download is over: say so at once
	}
	if s.now.After(s.fee.next) {
		rounded := s.cfg.MinRelayFeeRate // which is no secret
		if rate > rounded {
			rounded = max(s.roundFee(rate), rounded)
		}
		if rounded != s.fee.sent {
			s.send(wire.CmdFeeFilter, binary.LittleEndian.AppendUint64(nil, uint64(rounded)))
			s.fee.sent = rounded
		}
		s.fee.next = s.now.Add(s.exponential(feeFilterInterval))
		return
	}
	changed := rate < 3*s.fee.sent/4 || rate > 4*s.fee.sent/3
	if changed && s.now.Add(feeFilterChangeDelay).Before(s.fee.next) {
		s.fee.next = s.now.Add(time.Duration(s.cfg.Random() % uint64(feeFilterChangeDelay)))
	}
}

// tellsFeeFilter reports whether the peer is told of our limit.
func (s *txExchange) tellsFeeFilter() bool {
	return !s.cfg.BlocksOnly && s.hs.common >= feeFilterVersion && !s.cfg.Permissions.Has(p2p.ForceRelay) && !s.blockRelayOnly()
}

// roundFee rounds to a bucket: down two times of three, otherwise up.
func (s *txExchange) roundFee(rate int64) int64 {
	lower, upper := feeBuckets(rate)
	if upper < 0 || s.cfg.Random()%3 != 0 {
		return lower
	}
	return upper
}

func roundDown(rate int64) int64 {
	lower, _ := feeBuckets(rate)
	return lower
}

// feeBuckets returns the bucket below rate and the one not below it, -1 if
// rate is beyond all.
func feeBuckets(rate int64) (lower, upper int64) {
	if rate <= 0 {
		return 0, 0
	}
	lower = 0
	for bound := float64(defaultMinRelay) / 2; bound <= maxFilterRate; bound *= feeSpacing {
		if bound >= float64(rate) {
			return lower, int64(bound)
		}
		lower = int64(bound)
	}
	return lower, -1
}
