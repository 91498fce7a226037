package chain

import (
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// signalling extends a chain by blocks of a version.
func signalling(parent *BlockNode, count int, version int32) *BlockNode {
	for range count {
		header := wire.BlockHeader{Version: version, Bits: 0x207fffff}
		hash := chainhash.Hash{}
		if parent != nil {
			header.PrevBlock = parent.Hash
			hash = chainhash.Hash{byte(parent.Height), byte(parent.Height >> 8), byte(version)}
		}
		parent = newNode(&header, hash, parent)
	}
	return parent
}

// Three quarters of a period with a bit that means nothing to us lock something in, which
// is active a period later; bits that are handed out to nobody are not watched.
func TestUnknownRulesAreSeen(t *testing.T) {
	p, err := consensus.ForChain(chains.Regtest, "")
	require.NoError(t, err)
	period := int(p.Interval)
	const plain, bit3, bit5 = versionTopBits, versionTopBits | 1<<3, versionTopBits | 1<<5
	first := signalling(nil, period, plain)
	enough := period * 3 / 4
	for name, c := range map[string]struct {
		version int32
		count   int
		active  []int
	}{
		"too few":     {bit3, enough - 1, nil},
		"enough":      {bit3, enough, []int{3}},
		"not handed":  {bit5, period, nil},
		"old version": {1 << 3, period, nil},
	} {
		u := NewUnknownRules(p)
		locked := signalling(signalling(first, c.count, c.version), period-c.count, plain)
		require.Empty(t, u.Active(locked), name)
		require.Empty(t, u.Active(signalling(locked, period-1, plain)), name)
		active := signalling(locked, period, plain)
		require.Equal(t, c.active, u.Active(active), name)
		require.Equal(t, c.active, u.Active(signalling(active, 2*period+5, plain)), name)
		require.Empty(t, u.Active(first), "what came later is another branch's")
	}
	p.WarningHeight = 10 * p.Interval
	u := NewUnknownRules(p)
	require.Empty(t, u.Active(signalling(first, 4*period, bit3)), "those bits were of old rules")
}
