package session

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/internal/multipart"
)

func limitedConfig(may p2p.Permissions) Config {
	cfg := inboundConfig()
	cfg.UploadLimited, cfg.Permissions = true, may
	return cfg
}

// askForBlock has the peer ask for a block that the node has.
func (b *bench) askForBlock(historical bool) {
	b.receive("getdata", encodeInventory([]wire.InvVect{{Type: wire.InvTypeBlock}}))
	answer[p2p.FetchBlockRequest](b, p2p.FetchReply{Found: true, Historical: historical, Frames: multipart.One(make([]byte, 1000))})
}

func TestOldBlocksHaveALimit(t *testing.T) {
	b := established(t, limitedConfig(0))
	b.askForBlock(false)
	require.Contains(t, b.types(), "block", "a new one is always served")
	b.askForBlock(true)
	require.NotContains(t, b.types(), "block")
	req := answer[p2p.CountUploadRequest](b, p2p.CountUploadReply{Reached: true})
	require.Greater(t, req.Sent, uint64(1000))
	require.Contains(t, b.types(), "block")
	b.askForBlock(true)
	answer[p2p.CountUploadRequest](b, p2p.CountUploadReply{Historical: true})
	require.NotNil(t, b.gone)
	b.logged("historical block serving limit reached, disconnecting peer=0")

	b = established(t, limitedConfig(p2p.Download))
	b.askForBlock(true)
	require.Contains(t, b.types(), "block")
	b = established(t, inboundConfig())
	b.askForBlock(true)
	require.Contains(t, b.types(), "block")
}

func TestTheMempoolHasALimit(t *testing.T) {
	cfg := limitedConfig(0)
	cfg.Services |= wire.SFNodeBloom
	b := established(t, cfg)
	b.receive("mempool", nil)
	answer[p2p.CountUploadRequest](b, p2p.CountUploadReply{Historical: true})
	answer[p2p.MempoolRequest](b, p2p.TxsAnnouncedEvent{})
	b.receive("mempool", nil)
	answer[p2p.CountUploadRequest](b, p2p.CountUploadReply{Reached: true})
	require.NotNil(t, b.gone)
	b.logged("mempool request with bandwidth limit reached, disconnecting peer=0")

	b = established(t, limitedConfig(p2p.Mempool))
	b.receive("mempool", nil)
	answer[p2p.MempoolRequest](b, p2p.TxsAnnouncedEvent{})
	cfg.Permissions = p2p.NoBan
	b = established(t, cfg)
	b.receive("mempool", nil)
	answer[p2p.CountUploadRequest](b, p2p.CountUploadReply{Reached: true})
	require.Nil(t, b.gone)
	require.False(t, b.asked(p2p.MempoolRequest{}))
}

// TestWhatIsSentIsTold now and then.
func TestWhatIsSentIsTold(t *testing.T) {
	b := established(t, limitedConfig(0))
	b.step(SendRaw{Type: "x", Payload: make([]byte, uploadStep)})
	req := answer[p2p.CountUploadRequest](b, p2p.CountUploadReply{})
	require.Greater(t, req.Sent, uint64(uploadStep))
	b.step(SendRaw{Type: "x"})
	for _, r := range b.asks {
		require.NotEqual(t, string(p2p.CountUpload), r.Method)
	}
}
