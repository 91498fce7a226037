package session

import (
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// Report describes the peer as far as the session knows it: all but what the
// transport counts. It must not be called during Step.
func (s *Session) Report(now time.Time) p2p.PeerReport {
	v := s.hs.peer
	r := p2p.PeerReport{
		Peer: s.cfg.Peer, LastTransaction: unixOrZero(s.txIn.last), LastBlock: unixOrZero(s.down.lastBlock),
		Ping: s.ping.last.Microseconds(), MinPing: s.ping.lowest.Microseconds(), Pinged: s.ping.count > 0,
		Version: v.Version, Services: uint64(v.Services), UserAgent: v.UserAgent,
		TimeOffset: int64(v.TimeOffset / time.Second), RelaysTxs: s.hs.relaysTxs, Ready: s.hs.complete,
		SyncedHeaders: -1, SyncedBlocks: -1, InFlight: s.down.inFlightHeights(), FeeFilter: s.txOut.minFeeRate,
		AddrRelay: s.addr.enabled, AddrProcessed: s.addr.processed, AddrLimited: s.addr.limited, InvToSend: len(s.txOut.pending), LastInvSequence: s.txOut.sequence,
		Presynced: s.headers.presynced, HighTo: s.compact.to, HighFrom: s.compact.from,
		LastNews: unixOrZero(s.chain.lastNews), Protected: s.chain.protected,
		HeldBytes: s.held.bytes, FirstBlocks: s.down.first, FirstTxs: s.txIn.first,
	}
	if s.headers.known {
		r.SyncedHeaders, r.SyncedBlocks = s.headers.height, min(s.headers.height, s.tip.Height)
	}
	if s.ping.nonce != 0 {
		r.PingWait = max(now.Sub(s.ping.started), 0).Microseconds()
	}
	if v.AddrLocal.IsValid() && !v.AddrLocal.Addr().IsUnspecified() {
		r.AddrLocal = v.AddrLocal.String()
	}
	return r
}

func unixOrZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
