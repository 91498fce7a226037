package session

import (
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// Info is what a session knows about its peer, for reports.
type Info struct {
	Peer         PeerVersion
	Handshaken   bool
	BestKnown    chainhash.Hash
	SyncedHeight int32   // of BestKnown, -1 if it is not known
	InFlight     int     // blocks requested and not received
	Heights      []int32 // of them, as far as they are known
	LastBlock    time.Time
	LastTx       time.Time
	Submissions  int // blocks that are with the node
	LastPing     time.Duration
	LowestPing   time.Duration
	Pings        int           // answered pings
	PingWait     time.Duration // age of the ping without an answer, 0 for none
	FeeFilter    int64         // the peer's, in satoshi per 1000 vbytes
	RelaysTxs    bool
	WtxidRelay   bool
	AddrRelay    bool
	AddrReceived uint64 // addresses processed
	AddrLimited  uint64 // addresses dropped by the rate limit
	PendingTxs   int
	HeldBytes    int
}

// Info returns a snapshot. It must not be called during Step.
func (s *Session) Info(now time.Time) Info {
	i := Info{
		Peer: s.hs.peer, Handshaken: s.hs.complete, SyncedHeight: -1,
		InFlight: len(s.down.inFlight), Heights: s.down.inFlightHeights(),
		LastBlock: s.down.lastBlock, LastTx: s.txIn.last, Submissions: s.down.submissions,
		LastPing: s.ping.last, LowestPing: s.ping.lowest, Pings: s.ping.count,
		FeeFilter: s.txOut.minFeeRate, RelaysTxs: s.hs.relaysTxs, WtxidRelay: s.hs.wtxidRelay,
		AddrRelay: s.addr.enabled, AddrReceived: s.addr.processed, AddrLimited: s.addr.limited,
		PendingTxs: len(s.txOut.pending), HeldBytes: s.held.bytes,
	}
	if s.headers.known {
		i.BestKnown, i.SyncedHeight = s.headers.best, s.headers.height
	}
	if s.ping.nonce != 0 {
		i.PingWait = max(now.Sub(s.ping.started), 0)
	}
	return i
}
