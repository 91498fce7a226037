package session

import (
	"encoding/binary"
	"testing"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/internal/multipart"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

func filterRequest(kind byte, start uint32, stop chainhash.Hash) []byte {
	return append(binary.LittleEndian.AppendUint32([]byte{kind}, start), stop[:]...)
}

func filterBench(t *testing.T) *bench {
	cfg := inboundConfig()
	cfg.Services |= wire.SFNodeCF
	b := established(t, cfg)
	b.types()
	return b
}

// Filters are sent part by part, and the peer's next message waits for the last.
func TestFiltersAreSentInParts(t *testing.T) {
	b := filterBench(t)
	b.receive("getcfilters", filterRequest(0, 5, chainhash.Hash{9}))
	b.receive("ping", make([]byte, 8))
	two := multipart.Frames{Attached: [][]byte{{1}, {2}}}
	req := answer[p2p.FetchFiltersRequest](b, p2p.FetchFiltersReply{Next: 7, Frames: two})
	require.Equal(t, p2p.FetchFiltersRequest{Message: "getcfilters", Start: 5, Stop: chainhash.Hash{9}}, req)
	require.Equal(t, uint32(7), answer[p2p.FetchFiltersRequest](b, p2p.FetchFiltersReply{Frames: two}).Start)
	require.Equal(t, []string{"cfilter", "cfilter", "cfilter", "cfilter", "pong"}, b.types())

	b.receive("getcfheaders", filterRequest(0, 5, chainhash.Hash{9}))
	answer[p2p.FetchFiltersRequest](b, p2p.FetchFiltersReply{Frames: multipart.One([]byte{1})})
	b.receive("getcfcheckpt", append([]byte{0}, make([]byte, 32)...))
	answer[p2p.FetchFiltersRequest](b, p2p.FetchFiltersReply{Frames: multipart.One([]byte{1})})
	require.Equal(t, []string{"cfheaders", "cfcheckpt"}, b.types())
	b.receive("getcfheaders", filterRequest(0, 5, chainhash.Hash{9})[:20])
	b.logged("end of data")
	require.Nil(t, b.gone)
}

func TestBadRequestsForFiltersEndTheConnection(t *testing.T) {
	b := filterBench(t)
	b.receive("getcfilters", filterRequest(1, 5, chainhash.Hash{9}))
	b.logged("peer requested unsupported block filter type: 1")
	require.NotNil(t, b.gone)
	b = established(t, inboundConfig())
	b.receive("getcfcheckpt", append([]byte{0}, make([]byte, 32)...))
	b.logged("peer requested unsupported block filter type: 0")
	require.NotNil(t, b.gone)
	b = filterBench(t)
	b.receive("getcfilters", filterRequest(0, 5, chainhash.Hash{9}))
	answer[p2p.FetchFiltersRequest](b, p2p.FetchFiltersReply{Refused: "peer requested invalid block hash"})
	require.NotNil(t, b.gone)
}
