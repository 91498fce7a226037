package chain_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// mainnetNow is a time at which the blocks of 2009 are not in the future.
const mainnetNow = 1_700_000_000

func mainnet(t testing.TB) *consensus.Params {
	p, err := consensus.ForChain("main", "")
	require.NoError(t, err)
	p.MinimumWork = consensus.Uint256{}
	return p
}

func requireMainnetSet(t *testing.T, e *chain.Engine) {
	t.Helper()
	require.Equal(t, int32(chaintest.MainnetHeight), e.View().Height())
	require.Equal(t, chaintest.MainnetTip, e.View().Tip().Hash.String())
	stats := chaintest.Statistics(t, e, coins.HashSerialized3)
	require.Equal(t, int64(chaintest.MainnetOutputs), stats.Outputs)
	require.Equal(t, int64(chaintest.MainnetAmount), stats.Amount)
	require.Equal(t, int64(chaintest.MainnetBogoSize), stats.BogoSize)
	require.Equal(t, int64(chaintest.MainnetTransactions), stats.Transactions)
	require.Equal(t, chaintest.MainnetSerialized, stats.Hash.String())
	stats = chaintest.Statistics(t, e, coins.HashMuHash)
	require.Equal(t, chaintest.MainnetMuHash, stats.Hash.String())
}

func TestFirstBlocksOfMainnet(t *testing.T) {
	p, dir := mainnet(t), t.TempDir()
	disk := chaintest.OpenDisk(t, dir, p)
	e, err := chain.Open(disk.Config(p), mainnetNow)
	require.NoError(t, err)
	chaintest.EachMainnetBlock(t, func(height int32, raw []byte) bool {
		block, err := consensus.ParseBlock(raw)
		require.NoError(t, err)
		_, _, err = e.AcceptBlock(block, true, mainnetNow)
		require.NoError(t, err)
		require.NoError(t, chaintest.Activate(e, mainnetNow, nil))
		require.Equal(t, height, e.View().Height())
		return true
	})
	requireMainnetSet(t, e)
	disk.Close(t)

	disk = chaintest.OpenDisk(t, dir, p)
	defer disk.Close(t)
	e, err = chain.Open(disk.Config(p), mainnetNow)
	require.NoError(t, err)
	requireMainnetSet(t, e)
}

// mainnetPrefix is how many blocks the test of flipped bits stands on: enough
// for the first payment, in block 170.
const mainnetPrefix = 171

// No bit of a block can be changed unnoticed. The block is the first that has
// a signature.
func TestFlippedBits(t *testing.T) {
	p := mainnet(t)
	disk := chaintest.OpenDisk(t, t.TempDir(), p)
	defer disk.Close(t)
	e, err := chain.Open(disk.Config(p), mainnetNow)
	require.NoError(t, err)
	var target []byte
	chaintest.EachMainnetBlock(t, func(height int32, raw []byte) bool {
		if height == mainnetPrefix-1 {
			target = raw
			return false
		}
		block, err := consensus.ParseBlock(raw)
		require.NoError(t, err)
		_, _, err = e.AcceptBlock(block, true, mainnetNow)
		require.NoError(t, err)
		return true
	})
	require.NoError(t, chaintest.Activate(e, mainnetNow, nil))
	tip := e.View().Tip()

	const headerBits = 80 * 8
	reasons := map[string]int{}
	for bit := range len(target) * 8 {
		changed := append([]byte{}, target...)
		changed[bit/8] ^= 1 << (bit % 8)
		reason := "unreadable"
		if block, err := consensus.ParseBlock(changed); err == nil {
			var reject *consensus.Reject
			_, _, err = e.AcceptBlock(block, true, mainnetNow)
			require.ErrorAs(t, err, &reject, "bit %d", bit)
			reason = reject.Reason
		}
		if bit < headerBits {
			require.Equal(t, "high-hash", reason, "bit %d", bit)
		} else {
			require.Contains(t, []string{"bad-txnmrklroot", "unreadable"}, reason, "bit %d", bit)
		}
		reasons[reason]++
		require.NoError(t, chaintest.Activate(e, mainnetNow, nil))
		require.Equal(t, tip, e.View().Tip())
	}
	require.Greater(t, reasons["bad-txnmrklroot"], 3000)

	block, err := consensus.ParseBlock(target)
	require.NoError(t, err)
	_, _, err = e.AcceptBlock(block, true, mainnetNow)
	require.NoError(t, err)
	require.NoError(t, chaintest.Activate(e, mainnetNow, nil))
	require.Equal(t, block.Hash, e.View().Tip().Hash)
}
