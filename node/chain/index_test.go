package chain

import (
	"bytes"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// beginnings is an index of which a kill has left the first entries.
type beginnings struct{ keys, values [][]byte }

func (b *beginnings) Put(key, value []byte) error {
	b.keys, b.values = append(b.keys, key), append(b.values, value)
	return nil
}

func (b *beginnings) Delete([]byte) error { return nil }

func (b *beginnings) Write(fill func(store.Writer) error) error { return fill(b) }

func (b *beginnings) Sync() error { return nil }

func (b *beginnings) Each(prefix []byte, fn func(key, value []byte) error) error {
	for i, key := range b.keys {
		if !bytes.HasPrefix(key, prefix) {
			continue
		}
		if err := fn(key, b.values[i]); err != nil {
			return err
		}
	}
	return nil
}

// A kill while headers are written leaves the first of them: whatever their number,
// the next start finds the parent of each.
func TestABeginningOfTheIndexCanBeLoaded(t *testing.T) {
	params, err := consensus.ForChain("regtest", "")
	require.NoError(t, err)
	genesis := params.GenesisBlock.Header
	trunk := newTree()
	last := newNode(&genesis, genesis.BlockHash(), nil)
	trunk.add(last)
	for i := range uint32(300) {
		header := wire.BlockHeader{Version: 1, PrevBlock: last.Hash, Bits: genesis.Bits, Nonce: i}
		last = newNode(&header, header.BlockHash(), last)
		trunk.add(last)
	}
	written := &beginnings{}
	require.NoError(t, trunk.write(written))
	require.Len(t, written.keys, 301)
	for n := range len(written.keys) {
		left := &beginnings{keys: written.keys[:n+1], values: written.values[:n+1]}
		loaded, err := loadTree(left, params, nil)
		require.NoError(t, err, "%d entries", n+1)
		require.Len(t, loaded.nodes, n+1)
	}
}
