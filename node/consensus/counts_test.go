package consensus_test

import (
	"bytes"
	"encoding/hex"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// allocated is how many bytes of memory fn takes.
func allocated(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A hundred bytes from a peer do not take a hundred megabytes.
func TestCountsAreBoundedByWhatFollows(t *testing.T) {
	in := "01" + string(bytes.Repeat([]byte("00"), 36)) + "00" + "ffffffff"
	for name, text := range map[string]string{
		"inputs":              "02000000" + "fe40420f00",
		"inputs with witness": "02000000" + "0001" + "fe40420f00",
		"outputs":             "02000000" + in + "fe40420f00",
		"witness items":       "02000000" + "0001" + in + "01" + "0000000000000000" + "00" + "fe40420f00",
		"beyond all bounds":   "02000000" + in + "ffffffffffffffffff",
	} {
		tx, err := hex.DecodeString(text + "0000000000000000")
		require.NoError(t, err, name)
		block := append(append(make([]byte, 80), 1), tx...)
		// What the library keeps for the next time is made first.
		for range 2 {
			_, err = consensus.ParseTx(tx)
			require.Error(t, err, name)
			_, err = consensus.ParseBlock(block)
			require.Error(t, err, name)
		}
		require.Less(t, allocated(func() { _, _ = consensus.ParseTx(tx); _, _ = consensus.ParseBlock(block) }), uint64(16<<20), name)
	}
}

// Nor do they in a block that is too large to be one.
func TestCountsOfLargeBlocksAreBounded(t *testing.T) {
	for _, counts := range []string{
		"\xfe\xff\xff\xff\x01",                               // transactions
		"\x01" + "\x02\x00\x00\x00" + "\xfe\xff\xff\xff\x01", // inputs
		"\x01" + "\x02\x00\x00\x00" + "\xfe\x01\x00\x00\x02", // more than a size may tell of
		"\x01" + "\x02\x00\x00\x00\x00\x01" + "\xff\xff\xff\xff\xff\xff\xff\xff\xff",
	} {
		raw := append(append(make([]byte, 80), counts...), make([]byte, consensus.MaxBlockWeight)...)
		require.Less(t, allocated(func() {
			_, err := consensus.ParseBlock(raw)
			require.Error(t, err)
		}), uint64(1<<20))
	}
}

// What is right goes through, and what is wrong in another way is told as before.
func TestCountsOfBlocks(t *testing.T) {
	p := chaintest.Regtest(t)
	tip := chaintest.Genesis(t, p).Extend(3, 0)
	_, err := consensus.ParseBlock(tip.Raw)
	require.NoError(t, err)
	for cut := range tip.Raw {
		_, err := consensus.ParseBlock(tip.Raw[:cut])
		require.Error(t, err)
	}
	_, err = consensus.ParseBlock(append(append(make([]byte, 80), 1), make([]byte, 20)...))
	var reject *consensus.Reject
	require.ErrorAs(t, err, &reject)
	require.Equal(t, "bad-txns-vin-empty", reject.Reason)
}
