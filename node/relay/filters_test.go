package relay

import (
	"bytes"
	"testing"

	"github.com/btcsuite/btcd/btcutil/v2/gcs/builder"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/index"
)

// withFilters gives a relay the filters of a branch, as far as known.
func withFilters(t *testing.T, r *Relay, tip *chaintest.Spot, known int32) map[chainhash.Hash]*index.Filter {
	filters := map[chainhash.Hash]*index.Filter{}
	var header chainhash.Hash
	path := tip.Path()
	for _, spot := range append([]*chaintest.Spot{path[0].Parent}, path...) {
		msg := &wire.MsgBlock{Header: spot.Block.Header}
		for _, tx := range spot.Block.Txs {
			msg.Transactions = append(msg.Transactions, tx.MsgTx)
		}
		set, err := builder.BuildBasicFilter(msg, nil)
		require.NoError(t, err)
		raw, err := set.NBytes()
		require.NoError(t, err)
		header, err = builder.MakeHeaderForFilter(set, header)
		require.NoError(t, err)
		filters[spot.Hash] = &index.Filter{Bytes: raw, Header: header}
	}
	r.cfg.Filter = func(at *chain.BlockNode) (*index.Filter, error) {
		if at.Height > known {
			return nil, nil
		}
		return filters[at.Hash], nil
	}
	return filters
}

func decode[M wire.Message](t *testing.T, raw []byte, msg M) M {
	t.Helper()
	require.NoError(t, msg.BtcDecode(bytes.NewReader(raw), wire.ProtocolVersion, wire.BaseEncoding))
	return msg
}

// Filters come in parts, headers and checkpoints in one message, and all agree.
func TestFiltersAreServed(t *testing.T) {
	const n = 1005
	r := newRelay(t)
	tip := chaintest.Genesis(t, chaintest.Regtest(t)).Extend(n, 0)
	r.extend(t, tip)
	filters := withFilters(t, r, tip, n)
	fetch := func(message string, start uint32) p2p.FetchFiltersReply {
		reply, err := r.fetchFilters(t.Context(), p2p.FetchFiltersRequest{Message: message, Start: start, Stop: tip.Hash})
		require.NoError(t, err)
		require.Empty(t, reply.Refused)
		return reply
	}
	path := tip.Path()
	height := uint32(n - 249)
	for parts := 0; height <= n; parts++ {
		require.Less(t, parts, 3)
		reply := fetch("getcfilters", height)
		for _, raw := range reply.Attached {
			msg := decode(t, raw, &wire.MsgCFilter{})
			require.Equal(t, path[height-1].Hash, msg.BlockHash)
			require.Equal(t, filters[msg.BlockHash].Bytes, msg.Data)
			height++
		}
		require.True(t, reply.Next == height || reply.Next == 0 && height == n+1)
	}
	headers := decode(t, fetch("getcfheaders", 6).Attached[0], &wire.MsgCFHeaders{})
	require.Len(t, headers.FilterHashes, n-5)
	at := headers.PrevFilterHeader
	require.Equal(t, filters[path[4].Hash].Header, at)
	for _, hash := range headers.FilterHashes {
		at = chainhash.DoubleHashH(append(hash[:], at[:]...))
	}
	require.Equal(t, filters[tip.Hash].Header, at)
	require.Equal(t, chainhash.Hash{}, decode(t, fetch("getcfheaders", 0).Attached[0], &wire.MsgCFHeaders{}).PrevFilterHeader)
	checkpoints := decode(t, fetch("getcfcheckpt", 0).Attached[0], &wire.MsgCFCheckpt{})
	require.Equal(t, []*chainhash.Hash{&filters[path[999].Hash].Header}, checkpoints.FilterHeaders)

	// While the index has not come so far there is no answer.
	withFilters(t, r, tip, 900)
	for _, message := range []string{"getcfheaders", "getcfcheckpt"} {
		require.Empty(t, fetch(message, 6).Attached)
	}
	require.Len(t, fetch("getcfilters", 890).Attached, 11)
}

func TestRequestsForFiltersAreBounded(t *testing.T) {
	r := newRelay(t)
	tip := chaintest.Genesis(t, chaintest.Regtest(t)).Extend(2001, 0)
	r.extend(t, tip)
	withFilters(t, r, tip, 2001)
	for _, tt := range []struct {
		message string
		start   uint32
		stop    chainhash.Hash
		want    string
	}{
		{"getcfilters", 1001, tip.Hash, "peer requested too many cfilters/cfheaders: 1001 / 1000"},
		{"getcfheaders", 1, tip.Hash, "peer requested too many cfilters/cfheaders: 2001 / 2000"},
		{"getcfheaders", 2002, tip.Hash, "peer sent invalid getcfilters/getcfheaders with start height 2002 and stop height 2001"},
		{"getcfilters", 1 << 31, tip.Hash, "peer sent invalid getcfilters/getcfheaders with start height 2147483648 and stop height 2001"},
		{"getcfcheckpt", 0, chainhash.Hash{1}, "peer requested invalid block hash: " + chainhash.Hash{1}.String()},
		{"getcfilters", 1002, tip.Hash, ""}, {"getcfheaders", 2, tip.Hash, ""},
	} {
		reply, err := r.fetchFilters(t.Context(), p2p.FetchFiltersRequest{Message: tt.message, Start: tt.start, Stop: tt.stop})
		require.NoError(t, err)
		require.Equal(t, tt.want, reply.Refused)
	}
	_, err := r.fetchFilters(t.Context(), p2p.FetchFiltersRequest{Message: "getdata", Stop: tip.Hash})
	require.Error(t, err)
}
