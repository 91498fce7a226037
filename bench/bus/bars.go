package main

import (
	"fmt"

	"github.com/bulkheadnode/bulkhead/bench/internal/report"
)

// bar is what bulkhead's figure must reach.
type bar struct {
	figure figure
	than   string  // system to compare with; empty for the limit alone
	factor float64 // at least so many times the other's figure
	below  float64 // less than this; 0 for no limit
}

func barsOf() []bar {
	split, queue := bulkhead().name, nats().name
	bars := []bar{
		{figure: tripMedian, below: 40},
		{figure: callsRate, than: queue, factor: 2},
		{figure: callsRate, than: libzmq().name, factor: 3},
		{figure: eventsRate, than: queue, factor: 2},
		{figure: largeRate, than: queue, factor: 2},
		{figure: linkRSS, below: 64},
		{figure: linkHeap, below: 64},
		{figure: fanOut, below: 20},
		{figure: stallQuiet, below: 1.5},
		{figure: stallGrowth, below: 1},
	}
	for _, s := range systems() {
		if s.broker != nil && s.name != split && !s.floor {
			bars = append(bars, bar{figure: tripMedian, than: s.name})
		}
	}
	return bars
}

// bars lists those whose figures were measured.
func (r results) bars(c config) string {
	var list []report.Bar
	for _, b := range barsOf() {
		if line, ok := b.judge(r); ok && c.measures(b.figure.Row) {
			list = append(list, line)
		}
	}
	return report.Bars(list)
}

// judge is false if a figure is missing.
func (b bar) judge(r results) (report.Bar, bool) {
	ours, ok := r.of(b.figure, bulkhead().name)
	if !ok {
		return report.Bar{}, false
	}
	if b.than == "" {
		return report.Bar{
			Text:     fmt.Sprintf("%s: under %s %s", b.figure.Name, number(b.below), b.figure.Unit),
			Measured: number(ours.Median), Reached: ours.Median < b.below,
		}, true
	}
	theirs, ok := r.of(b.figure, b.than)
	if !ok {
		return report.Bar{}, false
	}
	ratio := ours.Median / theirs.Median
	line := report.Bar{Text: fmt.Sprintf("%s: lower than %s", b.figure.Name, b.than), Measured: fmt.Sprintf("%.2fx", ratio), Reached: ratio < 1}
	if b.factor != 0 {
		line.Text, line.Reached = fmt.Sprintf("%s: at least %.0fx %s", b.figure.Name, b.factor, b.than), ratio >= b.factor
	}
	return line, true
}
