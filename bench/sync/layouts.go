package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/bulkheadnode/bulkhead/bench/internal/machine"
	"github.com/bulkheadnode/bulkhead/bench/internal/report"
)

// layout is a system whose connections are spread over processes, and how many peers
// it syncs from.
type layout struct {
	system
	workers string // -p2pworkers; empty for a system that has none
	peers   int
}

func (l layout) name() string {
	name := l.system.name()
	if l.workers != "" {
		name += " -p2pworkers=" + l.workers
	}
	return name
}

// layouts are all that are measured, of bulkhead with the library if there is that.
func layouts(built binaries) (list []layout) {
	build := withLibrary
	if built[build] == "" {
		build = pureGo
	}
	for _, peers := range []int{1, 3} {
		list = append(list, layout{system{build: build, single: true}, "", peers})
		for _, workers := range []string{"1", "4", "perpeer"} {
			list = append(list, layout{system{build: build}, workers, peers})
		}
		list = append(list, layout{system{build: bitcoind}, "", peers})
	}
	return list
}

// flow is what was seen of one layout.
type flow struct {
	layout
	took     time.Duration
	use      footprint
	received []int64         // bytes in each sampleEvery, to the last block
	idle     []time.Duration // of pongs after that, ascending
	busy     []time.Duration // of pongs while it synced, ascending
}

const (
	// sampleEvery is how often it is asked what was received.
	sampleEvery = 100 * time.Millisecond
	second      = int(time.Second / sampleEvery) // in samples
)

// measureLayouts syncs all of them from a chain.
func measureLayouts(ctx context.Context, c config, progress io.Writer) (list []flow, chain census, err error) {
	err = withPrograms(ctx, c, progress, func(built binaries, _ []system, dir string) error {
		r := results{chain: c.chains[0]}
		path, err := r.openChain(c, progress)
		if err != nil {
			return err
		}
		chain = r.census
		var servers []*serverProcess
		defer func() {
			for _, s := range servers {
				err = errors.Join(err, s.Stop())
			}
		}()
		for range 3 {
			s, err := startServer(ctx, serverSpec{Path: path})
			if err != nil {
				return err
			}
			servers = append(servers, s)
		}
		for _, l := range layouts(built) {
			if built[l.build] == "" || !c.run.MatchString(l.name()) {
				continue
			}
			f, err := l.measure(ctx, built[l.build], dir, servers[:l.peers], chain, c.idle)
			if err != nil {
				return fmt.Errorf("%s: %w", l.name(), err)
			}
			fmt.Fprintf(progress, "%s, %d peers: %.1f s\n", l.name(), l.peers, f.took.Seconds())
			list = append(list, f)
		}
		return nil
	})
	return list, chain, err
}

// measure syncs one into a new folder, which it removes, while another peer pings it.
func (l layout) measure(ctx context.Context, binary, dir string, servers []*serverProcess, chain census, idle time.Duration) (f flow, err error) {
	f.layout = l
	if err := os.Mkdir(dir, 0o700); err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	p := place{dir: dir, workers: l.workers}
	for _, s := range servers {
		p.peers = append(p.peers, s.address)
	}
	for _, port := range []*int{&p.rpcPort, &p.listen} {
		if *port, err = freePort(); err != nil {
			return f, err
		}
	}
	n, err := startNode(binary, l.system, p)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, n.stop()) }()
	return f, f.watch(ctx, n, p.listen, chain, idle)
}

// watch waits for the chain, and a while after.
func (f *flow) watch(ctx context.Context, n *startedNode, port int, chain census, idleFor time.Duration) error {
	pinger, err := n.dialPinger(ctx, port)
	if err != nil {
		return err
	}
	defer pinger.close()
	if err := f.sample(ctx, n, chain); err != nil {
		return err
	}
	f.took = time.Since(n.began)
	f.busy = pinger.take()
	if f.use, err = footprintOf(n.cmd.Process.Pid); err != nil {
		return err
	}
	idle, stop := context.WithTimeout(ctx, idleFor)
	defer stop()
	<-idle.Done()
	f.idle = pinger.take()
	return errors.Join(ctx.Err(), n.alive(ctx), pinger.failure())
}

// sample asks what was received until the node has the chain.
func (f *flow) sample(ctx context.Context, n *startedNode, chain census) error {
	ctx, cancel := context.WithTimeout(ctx, syncPatience)
	defer cancel()
	ticker := time.NewTicker(sampleEvery)
	defer ticker.Stop()
	last, blocks := int64(0), 0
	for blocks != chain.blocks {
		if err := n.alive(ctx); err != nil {
			return err
		}
		var totals struct {
			Received int64 `json:"totalbytesrecv"`
		}
		// A node that still starts refuses the call.
		err := n.rpc.call(ctx, askPatience, &totals, "getnettotals")
		if err == nil && last < chain.bytes*99/100 { // what is left are the blocks that are being verified
			f.received = append(f.received, totals.Received-last)
			last = totals.Received
		}
		if err == nil {
			err = n.rpc.call(ctx, askPatience, &blocks, "getblockcount")
		}
		if err != nil && last > 0 {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
	return nil
}

// seconds are the bytes received in each span of a second, beginning at any sample, from
// the first block on; ascending.
func (f *flow) seconds() (sums []int64) {
	begin := slices.IndexFunc(f.received, func(n int64) bool { return n > 1<<20 })
	if begin < 0 {
		return nil
	}
	flowing := f.received[begin:]
	for i := 0; i+second <= len(flowing); i++ {
		sum := int64(0)
		for _, n := range flowing[i : i+second] {
			sum += n
		}
		sums = append(sums, sum)
	}
	slices.Sort(sums)
	return sums
}

// writeLayouts prints a table in markdown.
func writeLayouts(w io.Writer, m machine.Machine, chain census, list []flow) error {
	table := report.Table{{
		"system", "peers", "s to the tip", "CPU s", "all processes, MB", "received in a second: lowest / median, MB", "lowest of median",
		"pong in the sync p50 / p99 / max, ms", "pong idle p50 / p99 / max, ms",
	}}
	for _, f := range list {
		lowest, median := 0.0, 0.0
		if sums := f.seconds(); len(sums) > 0 {
			lowest, median = float64(sums[0])/1e6, float64(sums[len(sums)/2])/1e6
		}
		table = append(table, []string{
			f.name(), fmt.Sprint(f.peers), decimals(1)(f.took.Seconds()), decimals(1)(f.use.cpu.Seconds()), decimals(0)(float64(f.use.allPeak) / 1e6),
			fmt.Sprintf("%.1f / %.1f", lowest, median), fmt.Sprintf("%.2fx", lowest/max(median, 1e-9)), quantiles(f.busy), quantiles(f.idle),
		})
	}
	_, err := fmt.Fprintf(w, "%s.\n\nThe chain: %d blocks, %d transactions, %d inputs, %.1f MB.\n\n%s",
		m, chain.blocks, chain.transactions, chain.inputs, float64(chain.bytes)/1e6, table)
	return err
}

// quantiles are written of ascending latencies.
func quantiles(list []time.Duration) string {
	if len(list) == 0 {
		return "-"
	}
	at := func(q float64) float64 {
		return float64(list[min(int(q*float64(len(list))), len(list)-1)]) / float64(time.Millisecond)
	}
	return fmt.Sprintf("%.1f / %.1f / %.1f", at(0.5), at(0.99), at(1))
}
