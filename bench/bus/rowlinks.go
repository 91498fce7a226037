package main

import (
	"context"
	"slices"
	"time"
)

const fanEvents = 50

// measureLinks measures what many idle links cost the broker and how long one
// event takes to reach them all.
func measureLinks(ctx context.Context, r run, sys system) error {
	return r.sail(sys, "links", spec{}, func(f *fleet) error {
		broker, err := f.add(ctx, roleBroker, 0)
		if err != nil {
			return err
		}
		holder, err := f.add(ctx, roleLinks, 0)
		if err != nil {
			return err
		}
		// The first link pays for what the broker sets up once.
		if err := holder.ask(command{Do: doOpen, Count: 1}, nil); err != nil {
			return err
		}
		var before, after usage
		if err := broker.ask(command{Do: doUsage, FreeMemory: true}, &before); err != nil {
			return err
		}
		if err := holder.ask(command{Do: doOpen, Count: r.links - 1}, nil); err != nil {
			return err
		}
		if err := broker.ask(command{Do: doUsage, FreeMemory: true}, &after); err != nil {
			return err
		}
		perLink := func(before, after uint64) float64 {
			return (float64(after) - float64(before)) / 1024 / float64(r.links-1)
		}
		r.results.add(linkRSS, sys.name, perLink(before.RSS, after.RSS))
		r.results.add(linkHeap, sys.name, perLink(before.Heap, after.Heap))
		return fan(r, sys, holder)
	})
}

func fan(r run, sys system, holder *process) error {
	var took []time.Duration
	if err := holder.ask(command{Do: doFan, Count: fanEvents}, &took); err != nil {
		return err
	}
	slices.Sort(took)
	r.results.add(fanOut, sys.name, float64(took[len(took)/2])/float64(time.Millisecond))
	return nil
}
