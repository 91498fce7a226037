package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/bulkheadnode/bulkhead/bench/internal/proc"
)

const (
	askEvery     = 10 * time.Millisecond
	syncPatience = time.Hour
	askPatience  = time.Minute // a node may be that slow to answer
)

// measurement is one sync of one system.
type measurement struct {
	took      time.Duration
	use       footprint
	serverCPU time.Duration
	othersCPU time.Duration   // of the rest of the machine, this program included
	latencies []time.Duration // of getblockchaininfo, ascending
	coins     string          // hash of the set of coins; empty of a node that cannot tell
}

// results are the measurements of each system on a chain, one a round.
type results struct {
	chain  chain
	shown  []system
	rounds map[system][]measurement
	census census
}

// measureAll makes the programs and the chains, and syncs every system from
// each chain in every round.
func measureAll(ctx context.Context, c config, progress io.Writer) (all []results, err error) {
	err = withPrograms(ctx, c, progress, func(built binaries, shown []system, dir string) error {
		for _, one := range c.chains {
			r := results{chain: one, shown: shown, rounds: map[system][]measurement{}}
			path, err := r.openChain(c, progress)
			if err == nil {
				err = r.syncAll(ctx, c, built, path, dir, progress)
			}
			if err != nil {
				return fmt.Errorf("the chain %s: %w", one.name(), err)
			}
			all = append(all, r)
		}
		return nil
	})
	return all, err
}

// withPrograms makes the programs, and calls fn with them, the systems to
// measure, and a folder for a node.
func withPrograms(ctx context.Context, c config, progress io.Writer, fn func(built binaries, shown []system, dir string) error) (err error) {
	dir, err := os.MkdirTemp("", "bulkhead-bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	built, err := buildAll(ctx, c, dir, progress)
	if err != nil {
		return err
	}
	shown := c.chosen(built)
	if len(shown) == 0 {
		return errors.New("no system to measure")
	}
	return fn(built, shown, filepath.Join(dir, "node"))
}

// openChain makes the chain if it is not there, and counts what it holds.
func (r *results) openChain(c config, progress io.Writer) (path string, err error) {
	if path, err = chainFile(c.cache, r.chain, progress); err == nil {
		r.census, err = takeCensus(path, r.chain)
	}
	return path, err
}

// syncAll measures what is shown from one serving process, in every round.
func (r *results) syncAll(ctx context.Context, c config, built binaries, path, dir string, progress io.Writer) (err error) {
	s, err := startServer(ctx, serverSpec{Path: path})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	for round := range c.rounds {
		for _, sys := range r.shown {
			fmt.Fprintf(progress, "%s, round %d of %d: %s\n", r.chain.name(), round+1, c.rounds, sys.name())
			m, err := measure(ctx, sys, built[sys.build], dir, s, r.census)
			if err != nil {
				return fmt.Errorf("%s: %w", sys.name(), err)
			}
			fmt.Fprintf(progress, "  %.2f s\n", m.took.Seconds())
			if err := r.add(sys, m); err != nil {
				return err
			}
		}
	}
	return nil
}

// add refuses a measurement that did not end with the coins of the others.
func (r *results) add(s system, m measurement) error {
	for other, list := range r.rounds {
		for _, o := range list {
			if o.coins != "" && m.coins != "" && o.coins != m.coins {
				return fmt.Errorf("%s ends with coins %s, %s with %s", s.name(), m.coins, other.name(), o.coins)
			}
		}
	}
	r.rounds[s] = append(r.rounds[s], m)
	return nil
}

// measure syncs a system into a new folder, which it removes.
func measure(ctx context.Context, sys system, binary, dir string, s *serverProcess, chain census) (m measurement, err error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	port, err := freePort()
	if err != nil {
		return m, err
	}
	before, err := readMeter(s)
	if err != nil {
		return m, err
	}
	n, err := startNode(binary, sys, place{dir: dir, peers: []string{s.address}, rpcPort: port, vouched: chain.vouched})
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, n.stop()) }()
	if m, err = n.watch(ctx, chain, s, before); err != nil || sys.build == btcd {
		return m, err
	}
	m.coins, err = n.coins(ctx, chain)
	return m, err
}

// watch waits until the node has the chain and reads all meters at that moment.
func (n *startedNode) watch(ctx context.Context, chain census, s *serverProcess, before meter) (m measurement, err error) {
	if m.latencies, err = n.sync(ctx, chain); err != nil {
		return m, err
	}
	m.took = time.Since(n.began)
	if m.use, err = footprintOf(n.cmd.Process.Pid); err != nil {
		return m, err
	}
	after, err := readMeter(s)
	if err != nil {
		return m, err
	}
	m.serverCPU = after.server - before.server
	m.othersCPU = max(0, after.machine-before.machine-m.serverCPU-m.use.cpu) // they are read one after the other
	return m, nil
}

// meter is CPU time at a moment.
type meter struct{ server, machine time.Duration }

func readMeter(s *serverProcess) (m meter, err error) {
	if m.server, err = s.cpu(); err != nil {
		return m, err
	}
	m.machine, err = proc.Busy()
	return m, err
}

// sync asks how far the node is until it has the whole chain and returns how
// long the answers took, ascending. A request begins at the next multiple of
// askEvery after the answer to the one before.
func (n *startedNode) sync(ctx context.Context, chain census) ([]time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, syncPatience)
	defer cancel()
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	var latencies []time.Duration
	var info struct {
		Blocks int
		Best   string `json:"bestblockhash"`
	}
	for {
		if err := n.alive(ctx); err != nil {
			return nil, fmt.Errorf("%w at block %d of %d", err, info.Blocks, chain.blocks)
		}
		began := time.Now()
		// A node that still starts refuses the connection or the call.
		if err := n.rpc.call(ctx, askPatience, &info, "getblockchaininfo"); err == nil {
			latencies = append(latencies, time.Since(began))
		} else if len(latencies) > 0 {
			return nil, fmt.Errorf("at block %d: %w", info.Blocks, err)
		}
		if info.Blocks == chain.blocks {
			break
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
	if info.Best != chain.tip.String() {
		return nil, fmt.Errorf("the node ends on block %s instead of %s", info.Best, chain.tip)
	}
	slices.Sort(latencies)
	return latencies, nil
}

// coins is the hash of the node's set of coins at the tip.
func (n *startedNode) coins(ctx context.Context, chain census) (string, error) {
	var info struct {
		Best   string `json:"bestblock"`
		MuHash string
	}
	if err := n.rpc.call(ctx, stopPatience, &info, "gettxoutsetinfo", "muhash"); err != nil {
		return "", err
	}
	if info.MuHash == "" || info.Best != chain.tip.String() {
		return "", fmt.Errorf("gettxoutsetinfo answers %+v", info)
	}
	return info.MuHash, nil
}
