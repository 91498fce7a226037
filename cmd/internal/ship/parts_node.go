package ship

import (
	"fmt"
	"log/slog"
	"runtime"
	"slices"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
	"github.com/bulkheadnode/bulkhead/cmd/internal/sandbox"
	"github.com/bulkheadnode/bulkhead/cmd/internal/supervise"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
	"github.com/bulkheadnode/bulkhead/node"
)

func (p *partSettings) configureNode() error {
	s := p.settings
	chain := p.layout.Chain.Name
	cfg := node.DefaultConfig(chain)
	s.Fill(&cfg)
	cfg.Dir, cfg.BlocksDir = p.layout.Net, p.layout.BlocksDir
	cfg.CacheMiB = max(cfg.CacheMiB, 4)
	cfg.Parallel = threads(s)
	cfg.ReindexOnDamage = slices.Contains(s.List("test"), "reindex_after_failure_noninteractive_yes")
	cfg.SignetChallenge = p.signetChallenge
	if len(cfg.TestActivation) > 0 && chain != chains.Regtest {
		return fmt.Errorf("-testactivationheight is for regtest only")
	}
	var err error
	if cfg.FilterIndex, err = filterIndex(s); err != nil {
		return err
	}
	if chain == chains.Regtest {
		cfg.BlockVersion = int32(s.Int("blockversion", 0))
	}
	cfg.MinRelay, cfg.Incremental, cfg.Dust, cfg.BlockMin = p.relay.MinRelay, p.relay.Incremental, p.relay.Dust, p.relay.BlockMin
	if cfg.AcceptNonStandard && chain == chains.Main {
		return fmt.Errorf("acceptnonstdtxn is not currently supported for main chain")
	}
	if !cfg.FilterIndex && s.Bool("peerblockfilters", false) {
		return config.Complain("Cannot set -peerblockfilters without -blockfilterindex.")
	}
	cfg.Events = len(p.publishers()) > 0 || len(s.List("ipcbind")) > 0
	p.node = cfg
	return cfg.Validate()
}

// nodeSpec is the process of the node, which may open its folders and no other.
func (p *partSettings) nodeSpec(log *slog.Logger) supervise.Spec {
	// What was wiped once must not be wiped again by a node that died.
	again := p.node
	again.Reindex, again.ReindexChainstate = false, false
	again.Resumes = true
	own, read := p.node.Files()
	return supervise.Spec{Role: roles.Node, Instance: nodeInstance, Settings: p.node, Again: again, Policy: supervise.Vital, Patience: nodePatience,
		Files: sandbox.Files{Own: own, Read: read}, Prepare: func() error { return node.Prepare(p.node, log) }}
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
