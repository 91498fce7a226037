package main

import (
	"context"
	"math"
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
		return stream(r, sys, publisher, subscribers)
	})
}

// stream publishes for the warm-up and then for the measurement. Both end when
// the slowest subscriber has heard the last event.
func stream(r run, sys system, publisher *process, subscribers []*process) error {
	if err := publisher.ask(command{Do: doGather}, nil); err != nil {
		return err
	}
	if err := publisher.ask(command{Do: doPublish, Duration: r.warmUp}, nil); err != nil {
		return err
	}
	before, err := counts(subscribers)
	if err != nil {
		return err
	}
	var sent published
	if err := publisher.ask(command{Do: doPublish, Duration: r.duration}, &sent); err != nil {
		return err
	}
	after, err := counts(subscribers)
	if err != nil {
		return err
	}
	rate, lost := slowest(sent, before, after)
	r.results.add(eventsRate, sys.name, rate)
	r.results.add(eventsLost, sys.name, float64(lost))
	return nil
}

func counts(subscribers []*process) ([]heardCount, error) {
	list := make([]heardCount, len(subscribers))
	for i, s := range subscribers {
		if err := s.ask(command{Do: doCount}, &list[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// slowest returns the events per second of the subscriber that heard the
// fewest, from the start of publishing to its last acknowledgement, and how
// many events all of them missed.
func slowest(sent published, before, after []heardCount) (rate float64, lost uint64) {
	rate = math.Inf(1)
	for i := range after {
		heard := after[i].Events - before[i].Events
		rate = min(rate, float64(heard)/after[i].Acked.Sub(sent.Started).Seconds())
		lost += sent.Events - heard
	}
	return rate, lost
}
