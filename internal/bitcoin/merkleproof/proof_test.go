package merkleproof_test

import (
	"bytes"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/merkleproof"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/serial"
)

func txids(n int) (list []chainhash.Hash) {
	for i := range n {
		list = append(list, chainhash.DoubleHashH([]byte{byte(i), byte(i >> 8)}))
	}
	return list
}

// root is that of a block, level by level.
func root(level []chainhash.Hash) chainhash.Hash {
	for len(level) > 1 {
		if len(level)%2 == 1 {
			level = append(level, level[len(level)-1])
		}
		var above []chainhash.Hash
		for i := 0; i < len(level); i += 2 {
			above = append(above, chainhash.DoubleHashH(append(level[i][:], level[i+1][:]...)))
		}
		level = above
	}
	return level[0]
}

func proofOf(list []chainhash.Hash, chosen ...int) *merkleproof.Proof {
	return merkleproof.New(wire.BlockHeader{MerkleRoot: root(cloneOf(list))}, list, func(id chainhash.Hash) bool {
		for _, i := range chosen {
			if list[i] == id {
				return true
			}
		}
		return false
	})
}

func cloneOf(list []chainhash.Hash) []chainhash.Hash { return append([]chainhash.Hash(nil), list...) }

func TestProofsOfAllSizes(t *testing.T) {
	for n := 1; n < 40; n++ {
		list := txids(n)
		for _, chosen := range [][]int{{0}, {n - 1}, {n / 2}, {0, n - 1}, {n / 3, n / 2}} {
			raw := proofOf(list, chosen...).Serialize()
			p, err := merkleproof.Parse(append(raw, 1, 2, 3))
			require.NoError(t, err)
			require.Equal(t, raw, p.Serialize())
			found, ok := p.Matches()
			require.True(t, ok)
			require.EqualValues(t, n, p.Txs)
			want := map[chainhash.Hash]bool{}
			for _, i := range chosen {
				want[list[i]] = true
			}
			require.Len(t, found, len(want))
			for _, id := range found {
				require.True(t, want[id])
			}
		}
	}
}

func TestChangedProofsFail(t *testing.T) {
	raw := proofOf(txids(7), 3).Serialize()
	const root, end = 36, 84 // where it is, and the end of the count
	for i := range raw {
		// The header's other fields are not the tree's, and other counts may fit it.
		if i < root || i >= root+chainhash.HashSize && i < end {
			continue
		}
		changed := bytes.Clone(raw)
		changed[i] ^= 1
		if p, err := merkleproof.Parse(changed); err == nil {
			_, ok := p.Matches()
			require.False(t, ok, "byte %d", i)
		}
	}
	for n := range raw {
		_, err := merkleproof.Parse(raw[:n])
		require.Equal(t, serial.ErrEnd, err, "%d bytes", n)
	}
}

// TestATransactionIsNotProvenTwice: the last of an odd number is its own neighbour, so a tree
// with it twice has the same root (CVE-2012-2459).
func TestATransactionIsNotProvenTwice(t *testing.T) {
	list := txids(3)
	twice := append(cloneOf(list), list[2])
	require.Equal(t, root(cloneOf(list)), root(cloneOf(twice)))
	_, ok := proofOf(twice, 2).Matches()
	require.False(t, ok)
}

func FuzzParse(f *testing.F) {
	f.Add(proofOf(txids(1), 0).Serialize())
	f.Add(proofOf(txids(7), 1, 5).Serialize())
	f.Add(append(make([]byte, 80), 0xff, 0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 2))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := merkleproof.Parse(raw)
		if err != nil {
			return
		}
		require.True(t, bytes.HasPrefix(raw, p.Serialize()))
		found, ok := p.Matches()
		require.True(t, ok || found == nil)
		require.LessOrEqual(t, len(found), int(p.Txs))
	})
}
