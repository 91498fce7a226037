package main

import (
	"fmt"
	"io"

	"github.com/bulkheadnode/bulkhead/bench/internal/machine"
	"github.com/bulkheadnode/bulkhead/bench/internal/report"
)

// leastRate is how many transactions a second a mempool has to take.
const leastRate = 5000

// writePool prints the table and the bars of the mempools.
func (r results) writePool(w io.Writer, c config, m machine.Machine) error {
	shape := r.chain.(poolShape)
	count := float64(shape.PerBlock * shape.Spending)
	rate := func(m measurement) float64 { return count / m.took.Seconds() }
	perTx := func(m measurement) float64 { return m.use.cpu.Seconds() * 1e6 / count }
	table := report.Table{{
		"system", "transactions a second", "of bitcoind", "CPU us a transaction", "of bitcoind", "CPU s", "the peers'", "all others'",
		"peak RSS of the node, MB", "of all processes, MB",
	}}
	core := system{build: bitcoind}
	var bars []report.Bar
	for _, s := range r.shown {
		spread, _ := r.of(s, rate)
		table = append(table, []string{
			s.name(), spread.Text(decimals(0)), r.ratio(s, core, rate), decimals(0)(r.median(s, perTx)), r.ratio(s, core, perTx),
			decimals(1)(r.median(s, cpuSeconds)), decimals(2)(r.median(s, serverSeconds)), decimals(1)(r.median(s, otherSeconds)),
			decimals(0)(r.worst(s, nodeMB)), decimals(0)(r.worst(s, allMB)),
		})
		if s.bulkhead() {
			bars = append(bars, report.Bar{
				Text:     fmt.Sprintf("%s: at least %d transactions a second", s.name(), leastRate),
				Measured: decimals(0)(spread.Median), Reached: spread.Median >= leastRate,
			})
		}
	}
	_, err := fmt.Fprintf(w, "%s.\nRounds: %d; %.0f P2WPKH transactions from %d peers.\n\n%s%s",
		m, c.rounds, count, feederCount, table, report.Bars(bars))
	return err
}
