package chain_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// ledger is the UTXO set after each block of some branches, by the plainest of
// means.
type ledger struct {
	sets  map[chainhash.Hash]map[wire.OutPoint]coins.Coin
	names []wire.OutPoint // of all outputs there ever are
}

func ledgerOf(spots ...*chaintest.Spot) *ledger {
	l := &ledger{sets: map[chainhash.Hash]map[wire.OutPoint]coins.Coin{}}
	for _, end := range spots {
		set := map[wire.OutPoint]coins.Coin{}
		for _, spot := range end.Path() {
			set = applied(set, spot.Block, spot.Height)
			l.sets[spot.Hash] = set
			for _, tx := range spot.Block.Txs {
				for i := range tx.TxOut {
					l.names = append(l.names, wire.OutPoint{Hash: tx.ID, Index: uint32(i)})
				}
			}
		}
		l.sets[end.Path()[0].Header.PrevBlock] = map[wire.OutPoint]coins.Coin{}
	}
	return l
}

// compare looks at some outputs, and fails unless they are as at the end of the
// best chain.
func (l *ledger) compare(e *chain.Engine, rng *rand.Rand, count int) error {
	return e.ReadTip(func(s *chain.TipState) error {
		set, known := l.sets[s.Tip().Hash]
		for range count {
			op := l.names[rng.IntN(len(l.names))]
			coin, there, err := s.Coin(op)
			if err != nil {
				return err
			}
			if want, expected := set[op]; !known || there != expected || there && !reflect.DeepEqual(want, coin) {
				return fmt.Errorf("%s at height %d is %v (%v), should be %v (%v)", op, s.Height(), coin, there, want, expected)
			}
		}
		return nil
	})
}

// Whoever looks at any moment sees the coins of the chain that View shows:
// while scripts run that fail in the end, while branches are changed, with and
// without coins on disk.
func TestStillIsTheSetOfTheView(t *testing.T) {
	p := chaintest.Regtest(t)
	bad, top, beside := lateFailure(t, p)
	l := ledgerOf(top, beside)
	for _, age := range []int64{manyYears, 20_000} {
		for seed := range uint64(6) {
			e, path, now := stillRig(t, p, age, append(top.Path(), beside.Path()...))
			rng := rand.New(rand.NewPCG(seed, 1))
			watched(t, e, l, func() {
				for _, spot := range path {
					acceptAny(t, e, spot, now)
					step(t, e, rng, now, nil)
					require.NoError(t, l.compare(e, rng, 5))
					if rng.IntN(8) == 0 {
						require.NoError(t, e.Drain(now))
						require.NoError(t, e.BeginFlush())
						if rng.IntN(2) == 0 {
							require.NoError(t, e.Flush())
						}
						e.Coins().Trim(0)
					}
				}
				require.NoError(t, chaintest.Activate(e, now, nil))
			})
			require.Equal(t, beside.Hash, e.View().Tip().Hash)
			require.True(t, e.Info(e.Lookup(bad.Hash)).Failed)
			require.NoError(t, l.compare(e, rng, 5000))
			require.NoError(t, e.Leave())
		}
	}
}

// The same when the user calls blocks invalid and valid again.
func TestStillIsTheSetOfTheViewWhenItGoesBack(t *testing.T) {
	p := chaintest.Regtest(t)
	_, top, beside := lateFailure(t, p)
	l := ledgerOf(top, beside)
	e, path, now := stillRig(t, p, 20_000, beside.Path())
	rng := rand.New(rand.NewPCG(1, 1))
	watched(t, e, l, func() {
		for _, spot := range path {
			acceptAny(t, e, spot, now)
			step(t, e, nil, now, nil)
		}
		for range 6 {
			hash := path[rng.IntN(len(path))].Hash
			require.NoError(t, e.Invalidate(hash, now))
			require.NoError(t, l.compare(e, rng, 500))
			chaintest.Tell(e, nil)
			require.NoError(t, l.compare(e, rng, 500))
			require.NoError(t, chaintest.Activate(e, now, nil))
			require.NoError(t, e.Reconsider(hash))
			require.NoError(t, chaintest.Activate(e, now, nil))
			require.NoError(t, l.compare(e, rng, 500))
		}
	})
	require.Equal(t, beside.Hash, e.View().Tip().Hash)
}

func stillRig(t *testing.T, p *consensus.Params, age int64, path []*chaintest.Spot) (*chain.Engine, []*chaintest.Spot, int64) {
	disk := chaintest.OpenDisk(t, t.TempDir(), p)
	t.Cleanup(func() { disk.Close(t) })
	now := path[0].Time() + age
	e, err := chain.Open(disk.Config(p), now)
	require.NoError(t, err)
	require.NoError(t, chaintest.Activate(e, now, nil))
	for _, spot := range path {
		_, _, err := e.AcceptHeaders([]wire.BlockHeader{spot.Header}, now)
		require.NoError(t, err)
	}
	seen := map[chainhash.Hash]bool{}
	return e, slices.DeleteFunc(path, func(s *chaintest.Spot) bool {
		again := seen[s.Hash]
		seen[s.Hash] = true
		return again
	}), now
}

func acceptAny(t *testing.T, e *chain.Engine, spot *chaintest.Spot, now int64) {
	_, _, err := e.AcceptBlock(spot.Block, true, now)
	var reject *consensus.Reject
	if !errors.As(err, &reject) {
		require.NoError(t, err)
	}
}

// watched runs fn while somebody looks all the time.
func watched(t *testing.T, e *chain.Engine, l *ledger, fn func()) {
	ended := make(chan struct{})
	var looking errgroup.Group
	looking.Go(func() error {
		rng := rand.New(rand.NewPCG(0, 2))
		for {
			select {
			case <-ended:
				return nil
			default:
				if err := l.compare(e, rng, 3); err != nil {
					return err
				}
			}
		}
	})
	defer func() { require.NoError(t, looking.Wait()) }()
	defer close(ended)
	fn()
}
