package ship

import (
	"fmt"
	"runtime"
	"slices"

	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
	"github.com/bulkheadnode/bulkhead/node"
)

func (p *partSettings) configureNode() error {
	s := p.settings
	chain := p.layout.Chain.Name
	cfg := node.DefaultConfig(chain)
	cfg.Dir, cfg.BlocksDir = p.layout.Net, p.layout.BlocksDir
	cfg.BlocksXOR = s.Bool("blocksxor", cfg.BlocksXOR)
	cfg.FastPrune = s.Bool("fastprune", false)
	cfg.CacheMiB = max(s.Int("dbcache", cfg.CacheMiB), 4)
	cfg.Parallel = threads(s)
	cfg.AssumeValid = s.Text("assumevalid", "")
	cfg.MinimumWork = s.Text("minimumchainwork", "")
	cfg.MaxTipAge = s.Int("maxtipage", cfg.MaxTipAge)
	cfg.LoadBlock = s.List("loadblock")
	cfg.StopAfterImport = s.Bool("stopafterblockimport", false)
	cfg.Reindex, cfg.ReindexChainstate = s.Bool("reindex", false), s.Bool("reindex-chainstate", false)
	cfg.ReindexOnDamage = slices.Contains(s.List("test"), "reindex_after_failure_noninteractive_yes")
	cfg.PruneMiB = s.Int("prune", 0)
	cfg.CheckBlocks = int(s.Int("checkblocks", int64(cfg.CheckBlocks)))
	cfg.CheckLevel = int(s.Int("checklevel", int64(cfg.CheckLevel)))
	cfg.StopAtHeight = int32(s.Int("stopatheight", 0))
	cfg.SignetChallenge = p.signetChallenge
	cfg.TestActivation = s.List("testactivationheight")
	if len(cfg.TestActivation) > 0 && chain != chains.Regtest {
		return fmt.Errorf("-testactivationheight is for regtest only")
	}
	cfg.TxIndex, cfg.CoinStatsIndex, cfg.SpenderIndex = s.Bool("txindex", false), s.Bool("coinstatsindex", false), s.Bool("txospenderindex", false)
	var err error
	if cfg.FilterIndex, err = filterIndex(s); err != nil {
		return err
	}
	if chain == chains.Regtest {
		cfg.BlockVersion = int32(s.Int("blockversion", 0))
	}
	cfg.MaxMempoolMB = s.Int("maxmempool", cfg.MaxMempoolMB)
	cfg.MempoolHours = s.Int("mempoolexpiry", cfg.MempoolHours)
	cfg.MinRelay, cfg.Incremental, cfg.Dust, cfg.BlockMin = p.relay.MinRelay, p.relay.Incremental, p.relay.Dust, p.relay.BlockMin
	cfg.BlockMaxWeight = int(s.Int("blockmaxweight", int64(cfg.BlockMaxWeight)))
	cfg.BlockReserved = int(s.Int("blockreservedweight", int64(cfg.BlockReserved)))
	cfg.DataCarrier = s.Bool("datacarrier", cfg.DataCarrier)
	cfg.DataCarrierSize = int(s.Int("datacarriersize", int64(cfg.DataCarrierSize)))
	cfg.BareMultisig = s.Bool("permitbaremultisig", cfg.BareMultisig)
	cfg.AcceptNonStandard = s.Bool("acceptnonstdtxn", false)
	if cfg.AcceptNonStandard && chain == chains.Main {
		return fmt.Errorf("acceptnonstdtxn is not currently supported for main chain")
	}
	cfg.ClusterCount = int(s.Int("limitclustercount", int64(cfg.ClusterCount)))
	cfg.ClusterKvB = s.Int("limitclustersize", cfg.ClusterKvB)
	cfg.BytesPerSigOp = int(s.Int("bytespersigop", int64(cfg.BytesPerSigOp)))
	cfg.Events = len(p.publishers()) > 0 || len(s.List("ipcbind")) > 0
	p.node = cfg
	return cfg.Validate()
}

// filterIndex reads -blockfilterindex, whose values are a switch or types of
// filters.
func filterIndex(s *config.Settings) (bool, error) {
	switch s.Text("blockfilterindex", "0") {
	case "", "1":
		return true, nil
	case "0":
		return false, nil
	}
	names := s.List("blockfilterindex")
	for _, name := range names {
		if name != "basic" {
			return false, config.Complain("Unknown -blockfilterindex value %s.", name)
		}
	}
	return len(names) > 0, nil
}

// threads reads -par: 0 is one a core, which the node knows best; a negative
// number leaves cores free.
func threads(s *config.Settings) int {
	n := int(s.Int("par", 0))
	if n < 0 {
		return max(runtime.NumCPU()+n, 1)
	}
	return n
}
