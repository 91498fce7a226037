package main_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is known of fee rates is written when an hour has passed and at a stop, though the
// folder may be gone, and is taken over by the next life, also under its former name.
func TestFeeEstimatesAreKept(t *testing.T) {
	for _, layout := range []string{"-multiprocess=1", "-multiprocess=0"} {
		t.Run(layout, func(t *testing.T) {
			n := startNode(t, "regtest", "-noconnect", "-disablewallet", "-acceptnonstdtxn", "-debug=estimatefee", layout)
			folder, legacy := filepath.Join(n.net, "fees"), filepath.Join(n.net, "fee_estimates.dat")
			file := filepath.Join(folder, "block_policy_estimates.dat")
			require.NoDirExists(t, folder)
			blocks := n.must("generatetodescriptor", 120, "raw(51)").([]any)
			for i := range 20 {
				n.must("sendrawtransaction", n.spendCoinbase(blocks[i], 10_000), 0)
				n.must("generatetodescriptor", 1, "raw(51)")
			}
			estimate := func() map[string]any {
				return n.object("estimatesmartfee", 2, "economical", map[string]any{"fee_rate_estimator": "block_policy"})
			}
			known := estimate()
			require.NotNil(t, known["feerate"])

			written := n.awaitFees(file)
			require.FileExists(t, filepath.Join(folder, "mempool_policy_estimator.dat"))
			require.Contains(t, n.log(), "Flushed fee estimates to "+file+".")
			require.NoError(t, os.RemoveAll(folder))
			require.Equal(t, written, n.awaitFees(file))

			require.NoError(t, os.RemoveAll(folder))
			n.stop()
			require.FileExists(t, file)
			n.start()
			require.Equal(t, known, estimate())

			n.stop()
			require.NoError(t, os.Rename(file, legacy))
			n.start()
			require.Equal(t, known, estimate())
			require.NoFileExists(t, legacy)
			n.stop()

			n.start("-blocksonly")
			_, err := n.call("estimatesmartfee", 2)
			require.ErrorContains(t, err, "Fee estimation disabled")
			n.stop()
		})
	}
}

// awaitFees lets an hour pass, and returns the file of estimates.
func (n *node) awaitFees(file string) []byte {
	n.t.Helper()
	require.Nil(n.t, n.must("mockscheduler", 3600))
	raw, err := os.ReadFile(file)
	require.NoError(n.t, err)
	return raw
}
