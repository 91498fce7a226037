package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
)

// measurement adds the values of some rows for one system.
type measurement struct {
	rows    []int
	applies func(system) bool
	measure func(context.Context, run, system) error
}

// run is one round of a run.
type run struct {
	config
	round   int
	results results
}

func measurements() []measurement {
	return []measurement{
		{[]int{1, 2, 4, 5, 8}, func(s system) bool { return s.client != nil }, measureCalls},
		{[]int{3}, func(s system) bool { return s.events != nil }, measureEvents},
		{[]int{6}, func(s system) bool { return s.manyLinks }, measureLinks},
		{[]int{7}, func(s system) bool { return s.stall }, measureStall},
	}
}

// measureAll does all rounds. In each, a row's systems follow one another.
func measureAll(ctx context.Context, c config, progress io.Writer) (results, error) {
	r := run{config: c, results: results{}}
	for r.round = 1; r.round <= c.rounds; r.round++ {
		for _, m := range measurements() {
			if !c.measures(m.rows...) {
				continue
			}
			for _, sys := range systems() {
				if !slices.Contains(c.systems, sys.name) || sys.absent != "" || !m.applies(sys) {
					continue
				}
				fmt.Fprintf(progress, "round %d of %d, rows %v: %s\n", r.round, c.rounds, m.rows, sys.name)
				if err := m.measure(ctx, r, sys); err != nil {
					return nil, fmt.Errorf("%s: %w", sys.name, err)
				}
			}
		}
	}
	r.results.relate()
	return r.results, nil
}

// sail runs do with a fleet and ends the fleet. purpose is part of the names
// of its profiles.
func (r run) sail(sys system, purpose string, base spec, do func(*fleet) error) error {
	f, err := newFleet(r.config, sys, fmt.Sprintf("%s-round%d", purpose, r.round), base)
	if err != nil {
		return err
	}
	return errors.Join(do(f), f.end())
}

// relate adds what follows from other figures.
func (r results) relate() {
	split, inner := bulkhead().name, inProcess().name
	for _, pair := range [][2]figure{{innerTrip, tripMedian}, {innerCalls, callsRate}} {
		many, ok := r.of(pair[1], split)
		one, too := r.of(pair[1], inner)
		if ok && too {
			r.add(pair[0], split, many.Median/one.Median)
		}
	}
}
