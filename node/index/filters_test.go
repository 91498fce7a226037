package index

import (
	"github.com/btcsuite/btcd/btcutil/v2/gcs"
	"github.com/btcsuite/btcd/btcutil/v2/gcs/builder"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/output"
	"github.com/bulkheadnode/bulkhead/node/chain"
)

// requireFilter checks a filter against the block and the header before.
func (s *set) requireFilter(r *rig, at *chain.BlockNode, previous *Filter) *Filter {
	r.t.Helper()
	entry, err := s.filters.Get(at)
	require.NoError(r.t, err)
	block, err := r.ReadBlock(at)
	require.NoError(r.t, err)
	undo, err := r.ReadUndo(at)
	require.NoError(r.t, err)
	elements := map[string]struct{}{}
	for _, tx := range block.Txs {
		for _, out := range tx.TxOut {
			if len(out.PkScript) > 0 && !output.Unspendable(out.PkScript) {
				elements[string(out.PkScript)] = struct{}{}
			}
		}
	}
	for _, spent := range undo {
		for i := range spent {
			if len(spent[i].Script) > 0 {
				elements[string(spent[i].Script)] = struct{}{}
			}
		}
	}
	filter, err := gcs.FromNBytes(builder.DefaultP, builder.DefaultM, entry.Bytes)
	require.NoError(r.t, err)
	require.Equal(r.t, len(elements), int(filter.N()))
	key := builder.DeriveKey(&at.Hash)
	for element := range elements {
		match, err := filter.Match(key, []byte(element))
		require.NoError(r.t, err)
		require.True(r.t, match)
	}
	sum := chainhash.DoubleHashH(entry.Bytes)
	require.Equal(r.t, chainhash.DoubleHashH(append(sum[:], previous.Header[:]...)), entry.Header)
	return entry
}
