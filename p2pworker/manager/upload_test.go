package manager

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// TestUploadsAreCountedOnce over all connections, whoever tells of them, and anew the
// next day.
func TestUploadsAreCountedOnce(t *testing.T) {
	const limit = 800 << 20
	s := newShip(t, Config{UploadTarget: limit})
	w := s.worker("worker.1", 0)
	require.Equal(t, uploadTarget{Timeframe: 86400, Target: limit, ServeHistorical: true, BytesLeft: limit, TimeLeft: 86400}, s.uploads.target(s.now()))
	require.True(t, w.open("10.0.0.1:5", 0).UploadLimited)
	w.open("10.0.0.2:5", 0)
	count := func(peer int64, sent uint64) p2p.CountUploadReply {
		v, err := msg.Of(p2p.CountUpload).Call(t.Context(), w.conn, p2p.CountUploadRequest{Peer: peer, Sent: sent})
		require.NoError(t, err)
		return v
	}
	const kept = 144 * 4_000_000
	require.Equal(t, p2p.CountUploadReply{}, count(0, 1000))
	require.Equal(t, p2p.CountUploadReply{}, count(0, 1000))
	w.report(7, p2p.PeerReport{Peer: 0, BytesSent: 1500})
	require.EqualValues(t, 1500, s.uploads.sent)
	require.Equal(t, p2p.CountUploadReply{}, count(1, limit-kept-1501))
	require.Equal(t, p2p.CountUploadReply{Historical: true}, count(1, limit-kept-1500))
	count(77, limit)
	w.close(p2p.ClosePeerRequest{Peer: 1, Report: p2p.PeerReport{BytesSent: limit - 1500}})
	require.Equal(t, p2p.CountUploadReply{Historical: true, Reached: true}, count(0, 1500))
	require.Equal(t, uploadTarget{Timeframe: 86400, Target: limit, Reached: true, TimeLeft: 86400}, s.uploads.target(s.now()))

	s.env.Clock.SetMock(mockTime + 86401)
	require.Equal(t, p2p.CountUploadReply{}, count(0, 1600))
	require.EqualValues(t, 100, s.uploads.sent)
}

func TestUploadTargets(t *testing.T) {
	now := time.Unix(mockTime, 0)
	var none uploads
	none.add(1<<60, now)
	require.Equal(t, uploadTarget{Timeframe: 86400, ServeHistorical: true}, none.target(now))
	small := uploads{limit: 1 << 20}
	require.True(t, small.historical(now), "too small for new blocks alone")
	require.False(t, small.reached())
	late := uploads{limit: 100_000_000}
	late.add(1, now)
	require.True(t, late.historical(now))
	require.False(t, late.historical(now.Add(23*time.Hour)), "there are few blocks to come")
}
