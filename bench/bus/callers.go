package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// patience is how long a single step of a measurement may take beyond its
// duration.
const patience = 30 * time.Second

// timing is the outcome of a load.
type timing struct {
	Calls   int
	Elapsed time.Duration
	Median  time.Duration // of the time a call took
	P99     time.Duration
}

func (t timing) perSecond() float64 { return float64(t.Calls) / t.Elapsed.Seconds() }

// newTiming sorts the samples.
func newTiming(samples []time.Duration, elapsed time.Duration) (timing, error) {
	if len(samples) == 0 {
		return timing{}, fmt.Errorf("no call was completed in %v", elapsed)
	}
	slices.Sort(samples)
	return timing{
		Calls: len(samples), Elapsed: elapsed,
		Median: samples[len(samples)/2], P99: samples[len(samples)*99/100],
	}, nil
}

// callers runs as many goroutines as there are to be calls in flight; each
// makes its next call when the one before has returned.
func callers(ctx context.Context, l load, call func(context.Context) error) (timing, error) {
	ctx, cancel := context.WithTimeout(ctx, l.Duration+patience)
	defer cancel()
	var all sync.WaitGroup
	samples := make([][]time.Duration, l.InFlight)
	failed := make([]error, l.InFlight)
	start := time.Now()
	for i := range l.InFlight {
		all.Go(func() { samples[i], failed[i] = oneCaller(ctx, start.Add(l.Duration), call) })
	}
	all.Wait()
	elapsed := time.Since(start)
	for _, err := range failed {
		if err != nil {
			return timing{}, err
		}
	}
	return newTiming(slices.Concat(samples...), elapsed)
}

func oneCaller(ctx context.Context, until time.Time, call func(context.Context) error) ([]time.Duration, error) {
	var samples []time.Duration
	for before := time.Now(); before.Before(until); {
		if err := call(ctx); err != nil {
			return nil, err
		}
		after := time.Now()
		samples = append(samples, after.Sub(before))
		before = after
	}
	return samples, nil
}
