package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// writeReport prints the table and the bars in markdown.
func writeReport(w io.Writer, c config, m machine, r results) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s.\nThe chain: %d blocks, %d transactions, %d inputs, %.1f MB. Rounds: %d; each figure is their median (in brackets the lowest and the highest), but the greatest latency and the peaks of memory are those of the worst.\n\n",
		m, r.census.blocks, r.census.transactions, r.census.inputs, float64(r.census.bytes)/1e6, c.rounds)
	b.WriteString("| system | s to the tip | of bitcoind | of btcd | of -multiprocess=0 | CPU s | the server's | all others' | peak RSS of the node, MB | of all processes, MB | getblockchaininfo p50 / p99 / max, ms |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, s := range r.shown {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %.1f | %.2f | %.1f | %.0f | %.0f | %s |\n", s.name(), r.spread(s),
			r.ratio(s, system{build: bitcoind, assumed: s.assumed}), r.ratio(s, system{build: btcd, assumed: s.assumed}),
			r.ratio(s, system{build: s.build, assumed: s.assumed, single: true}),
			r.median(s, cpuSeconds), r.median(s, serverSeconds), r.median(s, otherSeconds),
			r.worst(s, nodeMB), r.worst(s, allMB), r.latency(s))
	}
	b.WriteString(r.bars())
	_, err := io.WriteString(w, b.String())
	return err
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

// values are a figure of all rounds, ascending.
func (r results) values(s system, f figure) []float64 {
	var list []float64
	for _, m := range r.rounds[s] {
		list = append(list, f(m))
	}
	slices.Sort(list)
	return list
}

// median is 0 for a system that was not measured.
func (r results) median(s system, f figure) float64 {
	list := r.values(s, f)
	if len(list) == 0 {
		return 0
	}
	return (list[(len(list)-1)/2] + list[len(list)/2]) / 2
}

// worst is the highest of all rounds.
func (r results) worst(s system, f figure) float64 {
	list := r.values(s, f)
	return list[len(list)-1]
}

func (r results) spread(s system) string {
	list := r.values(s, seconds)
	if len(list) == 1 {
		return fmt.Sprintf("%.2f", list[0])
	}
	return fmt.Sprintf("%.2f (%.2f-%.2f)", r.median(s, seconds), list[0], list[len(list)-1])
}

// ratio is a system's time over another's.
func (r results) ratio(s, other system) string {
	base := r.median(other, seconds)
	if base == 0 || s == other {
		return "-"
	}
	return fmt.Sprintf("%.2fx", r.median(s, seconds)/base)
}

func (r results) latency(s system) string {
	return fmt.Sprintf("%.1f / %.1f / %.1f", r.median(s, quantile(0.5)), r.median(s, quantile(0.99)), r.worst(s, quantile(1)))
}
