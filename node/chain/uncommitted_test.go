package chain

import (
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// In a reorganisation that is too long to be remembered nothing is told, until
// View has made it too; and no more blocks are held than the bound allows.
func TestALongReorganisationIsNotRemembered(t *testing.T) {
	cache, _, err := coins.Open(emptyStore{})
	require.NoError(t, err)
	e := &core{Reader: &Reader{}}
	e.view.Store(&View{coins: cache})
	ask := func() error {
		return e.ReadTip(func(s *TipState) error {
			_, _, err := s.Coin(wire.OutPoint{Index: 1})
			return err
		})
	}
	step := move{node: &BlockNode{}, block: &consensus.Block{Raw: make([]byte, maxUncommittedBytes/4)}, back: true}
	for i := range 4 {
		e.uncommitted.begin(step)
		require.NoError(t, ask(), "%d", i)
		require.Len(t, e.uncommitted.moves, i+1)
	}
	for range 3 {
		e.uncommitted.begin(step)
		require.ErrorIs(t, ask(), ErrFar)
		require.Empty(t, e.uncommitted.moves)
	}
	e.back()
	require.NoError(t, ask())
	e.uncommitted.begin(step)
	require.NoError(t, ask())
	require.Len(t, e.uncommitted.moves, 1)
}

// emptyStore has no coins.
type emptyStore struct{ coins.Store }

func (emptyStore) Get([]byte) ([]byte, error) { return nil, nil }
