package main

import (
	"fmt"
	"strings"
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

// bars lists which bars were reached.
func (r results) bars(c config) string {
	var b strings.Builder
	for _, bar := range barsOf() {
		if line := bar.judge(r); line != "" && c.measures(bar.figure.Row) {
			b.WriteString(line)
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "\n| bar | measured | reached |\n|---|---|---|\n" + b.String()
}

// judge returns a line of the table, or nothing if a figure is missing.
func (b bar) judge(r results) string {
	ours, ok := r.of(b.figure, bulkhead().name)
	if !ok {
		return ""
	}
	if b.than == "" {
		return barLine(fmt.Sprintf("%s: under %s %s", b.figure.Name, number(b.below), b.figure.Unit),
			number(ours.Median), ours.Median < b.below)
	}
	theirs, ok := r.of(b.figure, b.than)
	if !ok {
		return ""
	}
	ratio := ours.Median / theirs.Median
	if b.factor == 0 {
		return barLine(fmt.Sprintf("%s: lower than %s", b.figure.Name, b.than), fmt.Sprintf("%.2fx", ratio), ratio < 1)
	}
	return barLine(fmt.Sprintf("%s: at least %.0fx %s", b.figure.Name, b.factor, b.than), fmt.Sprintf("%.2fx", ratio), ratio >= b.factor)
}

func barLine(what, measured string, reached bool) string {
	verdict := "no"
	if reached {
		verdict = "yes"
	}
	return fmt.Sprintf("| %s | %s | %s |\n", what, measured, verdict)
}
