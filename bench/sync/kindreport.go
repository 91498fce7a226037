package main

import (
	"fmt"
	"io"
	"strconv"

	"github.com/bulkheadnode/bulkhead/bench/internal/report"
)

// writeKinds prints a row for each kind and system. The first chain is the one
// of no kind.
func writeKinds(w io.Writer, all []results) error {
	table := report.Table{{
		"kind", "inputs", "MB", "system", "s to the tip", "of bitcoind", "of btcd",
		"CPU s", "CPU of bitcoind", "CPU of btcd", "CPU us an input", "all others' CPU s",
	}}
	for _, r := range all {
		for _, s := range r.shown {
			table = append(table, append([]string{
				r.chain.(kindShape).row(), strconv.Itoa(r.census.inputs), decimals(1)(float64(r.census.bytes) / 1e6),
			}, r.kindCells(s, all[0])...))
		}
	}
	_, err := fmt.Fprintf(w, "\n%s", table)
	return err
}

func (r results) kindCells(s system, none results) []string {
	core, other := system{build: bitcoind}, system{build: btcd}
	return []string{
		s.name(), r.spread(s), r.ratio(s, core, seconds), r.ratio(s, other, seconds),
		decimals(2)(r.median(s, cpuSeconds)), r.ratio(s, core, cpuSeconds), r.ratio(s, other, cpuSeconds),
		r.anInput(s, none), decimals(1)(r.median(s, otherSeconds)),
	}
}

// anInput is the CPU time that each input takes beyond that of as many empty
// blocks, in microseconds.
func (r results) anInput(s system, none results) string {
	if r.census.inputs == 0 {
		return "-"
	}
	return decimals(0)((r.median(s, cpuSeconds) - none.median(s, cpuSeconds)) * 1e6 / float64(r.census.inputs))
}
