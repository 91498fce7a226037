package manager

import (
	"context"
	"math"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

const (
	// uploadCycle is the time over which -maxuploadtarget counts.
	uploadCycle = 24 * time.Hour
	// blockTime is how often a block is to be told to somebody, for which so much is kept
	// that one of MaxBlockPayload can be each time.
	blockTime = 10 * time.Minute
)

// uploads counts what is sent to all peers (-maxuploadtarget), in bytes.
type uploads struct {
	limit uint64 // 0 for none
	sent  uint64 // in this cycle
	began time.Time
}

func (u *uploads) add(bytes uint64, now time.Time) {
	if now.Sub(u.began) > uploadCycle {
		u.began, u.sent = now, 0
	}
	u.sent += min(bytes, math.MaxUint64-u.sent) // a worker may tell any number
}

func (u *uploads) timeLeft(now time.Time) time.Duration {
	switch {
	case u.limit == 0:
		return 0
	case u.began.IsZero():
		return uploadCycle
	}
	return max(uploadCycle-now.Sub(u.began), 0)
}

func (u *uploads) reached() bool { return u.limit > 0 && u.sent >= u.limit }

// historical reports whether old blocks are not to be served any more, so that each new
// one can be sent once until the cycle ends.
func (u *uploads) historical(now time.Time) bool {
	kept := uint64(u.timeLeft(now)/blockTime) * wire.MaxBlockPayload
	return u.limit > 0 && (kept >= u.limit || u.sent >= u.limit-kept)
}

// uploadTarget is what getnettotals tells of it.
type uploadTarget struct {
	Timeframe       int64  `json:"timeframe"`
	Target          uint64 `json:"target"`
	Reached         bool   `json:"target_reached"`
	ServeHistorical bool   `json:"serve_historical_blocks"`
	BytesLeft       uint64 `json:"bytes_left_in_cycle"`
	TimeLeft        int64  `json:"time_left_in_cycle"`
}

func (u *uploads) target(now time.Time) uploadTarget {
	return uploadTarget{
		Timeframe: int64(uploadCycle / time.Second), Target: u.limit, Reached: u.reached(), ServeHistorical: !u.historical(now),
		BytesLeft: u.limit - min(u.sent, u.limit), TimeLeft: int64(u.timeLeft(now) / time.Second),
	}
}

// countSent notes how much was sent to a peer since its connection began: the more of
// what was told. The mutex is held.
func (m *manager) countSent(f *facts, total uint64) {
	if total > f.sent {
		m.uploads.add(total-f.sent, m.now())
		f.sent = total
	}
}

// countUpload serves CountUpload.
func (m *manager) countUpload(ctx context.Context, req p2p.CountUploadRequest) (p2p.CountUploadReply, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, own := m.peerOf(ctx, req.Peer); own && m.facts[req.Peer] != nil {
		m.countSent(m.facts[req.Peer], req.Sent)
	}
	return p2p.CountUploadReply{Historical: m.uploads.historical(m.now()), Reached: m.uploads.reached()}, nil
}
