package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// measureEvents measures a stream of events to several subscribers.
func measureEvents(ctx context.Context, r run, sys system) error {
	return r.sail(sys, "events", spec{Listeners: r.subscribers}, func(f *fleet) error {
		if _, err := f.add(ctx, roleBroker, 0); err != nil {
			return err
		}
		subscribers := make([]*process, r.subscribers)
		for i := range subscribers {
			var err error
			if subscribers[i], err = f.add(ctx, roleSubscriber, i); err != nil {
				return err
			}
		}
		publisher, err := f.add(ctx, rolePublisher, 0)
		if err != nil {
			return err
		}
		return stream(ctx, r, sys, publisher, subscribers)
	})
}

func stream(ctx context.Context, r run, sys system, publisher *process, subscribers []*process) error {
	if err := publisher.ask(command{Do: doGather}, nil); err != nil {
		return err
	}
	var sent published
	ended := make(chan error, 1)
	go func() { ended <- publisher.ask(command{Do: doPublish, Duration: r.warmUp + r.duration}, &sent) }()
	rate, err := slowest(ctx, r, subscribers)
	if err := errors.Join(err, <-ended); err != nil {
		return err
	}
	lost := sent.Unheard
	for _, s := range subscribers {
		var end heardCount
		if err := s.ask(command{Do: doCount}, &end); err != nil {
			return err
		}
		lost += end.Lost
	}
	r.results.add(eventsRate, sys.name, rate)
	r.results.add(eventsLost, sys.name, float64(lost))
	return nil
}

// slowest looks at the subscribers twice, the duration apart, and returns the
// events per second of the one that heard the fewest.
func slowest(ctx context.Context, r run, subscribers []*process) (float64, error) {
	first, err := countsAfter(ctx, r.warmUp, subscribers)
	if err != nil {
		return 0, err
	}
	second, err := countsAfter(ctx, r.duration, subscribers)
	if err != nil {
		return 0, err
	}
	var rates []float64
	for i := range first {
		rates = append(rates, float64(second[i].Events-first[i].Events)/second[i].At.Sub(first[i].At).Seconds())
	}
	lowest := rates[0]
	for _, rate := range rates {
		lowest = min(lowest, rate)
	}
	if lowest == 0 {
		return 0, fmt.Errorf("a subscriber heard nothing; rates: %v", rates)
	}
	return lowest, nil
}

func countsAfter(ctx context.Context, d time.Duration, subscribers []*process) ([]heardCount, error) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	counts := make([]heardCount, len(subscribers))
	for i, s := range subscribers {
		if err := s.ask(command{Do: doCount}, &counts[i]); err != nil {
			return nil, err
		}
	}
	return counts, nil
}
