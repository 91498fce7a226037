package main

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/bulkheadnode/bulkhead/bench/internal/machine"
	"github.com/bulkheadnode/bulkhead/bench/internal/report"
)

// writeReport prints tables and bars in markdown.
func writeReport(w io.Writer, c config, m machine.Machine, all []results) error {
	const about = "each figure is their median (in brackets the lowest and the highest), " +
		"but the greatest latency and the peaks of memory are those of the worst."
	if _, err := fmt.Fprintf(w, "%s.\nRounds: %d; %s\n", m, c.rounds, about); err != nil {
		return err
	}
	if c.kinds {
		return writeKinds(w, all)
	}
	for _, r := range all {
		if err := r.write(w); err != nil {
			return err
		}
	}
	return nil
}

// write prints the table and the bars of one chain.
func (r results) write(w io.Writer) error {
	table := report.Table{{
		"system", "s to the tip", "of bitcoind", "of btcd", "of -multiprocess=0", "CPU s", "the server's", "all others'",
		"peak RSS of the node, MB", "of all processes, MB", "getblockchaininfo p50 / p99 / max, ms",
	}}
	for _, s := range r.shown {
		table = append(table, []string{
			s.name(), r.spread(s),
			r.ratio(s, system{build: bitcoind, assumed: s.assumed}, seconds), r.ratio(s, system{build: btcd, assumed: s.assumed}, seconds),
			r.ratio(s, system{build: s.build, assumed: s.assumed, single: true}, seconds),
			decimals(1)(r.median(s, cpuSeconds)), decimals(2)(r.median(s, serverSeconds)), decimals(1)(r.median(s, otherSeconds)),
			decimals(0)(r.worst(s, nodeMB)), decimals(0)(r.worst(s, allMB)), r.latency(s),
		})
	}
	_, err := fmt.Fprintf(w, "\nThe chain %s: %d blocks, %d transactions, %d inputs, %.1f MB.\n\n%s%s",
		r.chain.name(), r.census.blocks, r.census.transactions, r.census.inputs, float64(r.census.bytes)/1e6, table, r.bars())
	return err
}

// decimals writes numbers with so many digits after the point.
func decimals(digits int) func(float64) string {
	return func(v float64) string { return strconv.FormatFloat(v, 'f', digits, 64) }
}

// figure is one number of a measurement.
type figure func(measurement) float64

func seconds(m measurement) float64       { return m.took.Seconds() }
func cpuSeconds(m measurement) float64    { return m.use.cpu.Seconds() }
func serverSeconds(m measurement) float64 { return m.serverCPU.Seconds() }
func otherSeconds(m measurement) float64  { return m.othersCPU.Seconds() }
func nodeMB(m measurement) float64        { return float64(m.use.nodePeak) / 1e6 }
func allMB(m measurement) float64         { return float64(m.use.allPeak) / 1e6 }

// quantile is a figure of the answers' latencies, in milliseconds.
func quantile(q float64) figure {
	return func(m measurement) float64 {
		i := min(int(q*float64(len(m.latencies))), len(m.latencies)-1)
		return float64(m.latencies[i]) / float64(time.Millisecond)
	}
}

// of is false for a system that was not measured.
func (r results) of(s system, f figure) (report.Spread, bool) {
	var list []float64
	for _, m := range r.rounds[s] {
		list = append(list, f(m))
	}
	return report.SpreadOf(list)
}

// median is 0 for a system that was not measured.
func (r results) median(s system, f figure) float64 {
	v, _ := r.of(s, f)
	return v.Median
}

// worst is the highest of all rounds.
func (r results) worst(s system, f figure) float64 {
	v, _ := r.of(s, f)
	return v.High
}

func (r results) spread(s system) string {
	v, _ := r.of(s, seconds)
	return v.Text(decimals(2))
}

// ratio is a system's figure over another's.
func (r results) ratio(s, other system, f figure) string {
	base := r.median(other, f)
	if base == 0 || s == other {
		return "-"
	}
	return fmt.Sprintf("%.2fx", r.median(s, f)/base)
}

func (r results) latency(s system) string {
	return fmt.Sprintf("%.1f / %.1f / %.1f", r.median(s, quantile(0.5)), r.median(s, quantile(0.99)), r.worst(s, quantile(1)))
}
