package node_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node"
)

func TestPruningWithIndexesOfAllBlocks(t *testing.T) {
	for _, c := range []struct {
		set   func(*node.Config)
		fault string
	}{
		{func(c *node.Config) { c.TxIndex = true }, "Prune mode is incompatible with -txindex."},
		{func(c *node.Config) { c.SpenderIndex = true }, "Prune mode is incompatible with -txospenderindex."},
	} {
		cfg := node.DefaultConfig("regtest")
		cfg.PruneMiB = 1
		c.set(&cfg)
		require.EqualError(t, cfg.Validate(), c.fault)
	}
}
