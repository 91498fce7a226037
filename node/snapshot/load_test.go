package snapshot_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// TestALoadedSetIsTheChainsAndIsVerified: the chain goes on from it at once, also
// after a start; when the blocks below it have led to the same, it takes the
// place of the other set at the next start.
func TestALoadedSetIsTheChainsAndIsVerified(t *testing.T) {
	r := newRig(t)
	r.tellHeaders()
	own := r.sets.Coins()
	base, err := r.load(t.Context(), r.file)
	require.NoError(t, err)
	require.Equal(t, r.header.Block, base.Hash)
	require.EqualValues(t, setHeight, r.height())
	require.NotSame(t, own, r.sets.Coins())
	marked, err := os.ReadFile(filepath.Join(r.sets.LoadedDir(), "base_blockhash"))
	require.NoError(t, err)
	require.Equal(t, base.Hash[:], marked)
	_, err = r.load(t.Context(), r.file)
	require.EqualError(t, err, "Can't activate a snapshot-based chainstate more than once")
	r.deliver(r.tip.Path()[setHeight:])
	require.Equal(t, r.tip.Height, r.height())

	r.close()
	r.open()
	require.Equal(t, r.tip.Height, r.height())
	require.NotNil(t, r.sets.Assumption())
	require.Less(t, r.sets.Progress(), 0.2)

	ctx, stop := context.WithCancelCause(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.sets.Run(ctx) }()
	r.deliver(r.tip.Path()[:setHeight])
	<-r.finished
	errStop := errors.New("enough")
	stop(errStop)
	require.ErrorIs(t, <-ended, errStop)
	require.Equal(t, []int32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, r.verified)
	require.EqualValues(t, 1, r.sets.Progress())
	require.DirExists(t, r.sets.LoadedDir(), "until the next start")

	r.close()
	r.open()
	require.Nil(t, r.sets.Assumption())
	r.requireNothingLoaded()
	require.NoDirExists(t, r.sets.OutgrownDir())
	require.NoFileExists(t, filepath.Join(r.sets.Dir(), "base_blockhash"))
	require.Equal(t, r.tip.Height, r.height())
}

// TestALoadThatFailsLeavesNothingBehind, and the chain where it was. The right
// file can be loaded after it.
func TestALoadThatFailsLeavesNothingBehind(t *testing.T) {
	r := newRig(t)
	whole, err := os.ReadFile(r.file)
	require.NoError(t, err)
	fails := func(raw []byte, want string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "bad.dat")
		require.NoError(t, os.WriteFile(path, raw, 0o600))
		_, err := r.load(t.Context(), path)
		require.ErrorContains(t, err, want)
		r.requireNothingLoaded()
		require.Nil(t, r.sets.Assumption())
		require.Zero(t, r.height())
	}
	fails(whole, "must appear in the headers chain")
	r.tellHeaders()
	fails(whole[:len(whole)-1], "Population failed: Bad snapshot format or truncated snapshot")
	fails(append(bytes.Clone(whole), 0), "Population failed: Bad snapshot - coins left over")
	const firstCoin = coins.SetHeaderSize
	changed := bytes.Clone(whole)
	changed[firstCoin] ^= 1 // of another transaction
	fails(changed, "Population failed: Bad snapshot content hash: expected "+r.params.Assumed[0].Serialized.String())
	other := bytes.Clone(whole)
	copy(other[coins.SetHeaderSize-8-chainhash.HashSize:], make([]byte, chainhash.HashSize))
	fails(other, "assumeutxo block hash in snapshot metadata not recognized")

	_, err = r.load(t.Context(), r.file)
	require.NoError(t, err)
	require.EqualValues(t, setHeight, r.height())
}

// TestASetThatIsNotBetterThanTheChainIsNotLoaded: it would take something away.
func TestASetThatIsNotBetterThanTheChainIsNotLoaded(t *testing.T) {
	r := newRig(t)
	r.deliver(r.tip.Path())
	_, err := r.load(t.Context(), r.file)
	require.EqualError(t, err, "Population failed: Work does not exceed active chainstate")
	r.requireNothingLoaded()
}

// TestASetThatTheBlocksDoNotLeadToIsPutAside, and the node ends.
func TestASetThatTheBlocksDoNotLeadToIsPutAside(t *testing.T) {
	r := newRig(t)
	r.tellHeaders()
	raw, err := os.ReadFile(r.file)
	require.NoError(t, err)
	raw[coins.SetHeaderSize] ^= 1
	require.NoError(t, os.WriteFile(r.file, raw, 0o600))
	honest := r.params.Assumed[0]
	_, err = r.load(t.Context(), r.file)
	require.Error(t, err)
	_, got, found := strings.Cut(err.Error(), "got ")
	require.True(t, found, err)
	r.params.Assumed = []consensus.AssumedSet{honest}
	require.NoError(t, chainhash.Decode(&r.params.Assumed[0].Serialized, got))
	_, err = r.load(t.Context(), r.file)
	require.NoError(t, err)
	r.deliver(r.tip.Path())
	require.ErrorContains(t, r.sets.Run(t.Context()), "the loaded UTXO snapshot proved wrong: its hash is not that of the set which the blocks lead to")

	r.close()
	r.params.Assumed = []consensus.AssumedSet{honest}
	r.open()
	r.requireNothingLoaded()
	require.DirExists(t, r.sets.LoadedDir()+"_INVALID")
	require.Nil(t, r.sets.Assumption())
	require.Equal(t, r.tip.Height, r.height(), "the blocks are there")
}

// TestALoadThatIsDoneDoesNotFail: who asked for it has gone when the chain is at
// the set already.
func TestALoadThatIsDoneDoesNotFail(t *testing.T) {
	for range 5 {
		r := newRig(t)
		r.tellHeaders()
		r.deliver(r.tip.Path()[setHeight:]) // stored, to be connected when the set is there
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		r.logged("successfully activated snapshot", leave)
		base, err := r.load(ctx, r.file)
		require.NoError(t, err)
		require.Error(t, ctx.Err())
		require.Equal(t, r.header.Block, base.Hash)
		require.Equal(t, r.tip.Height, r.height())
	}
}
