package main

import (
	"context"
	"errors"
	"syscall"
	"time"
)

const stallQueueBytes = 16 << 20

// stallFleet is a call fleet with a publisher and its only subscriber.
type stallFleet struct {
	callFleet
	run                   run
	publisher, subscriber *process
}

// measureStall measures what a subscriber that does not read costs callers
// that have nothing to do with it.
func measureStall(ctx context.Context, r run, sys system) error {
	return r.sail(sys, "stall", spec{Listeners: 1, QueueBytes: stallQueueBytes, FloodBytes: r.floodBytes}, func(f *fleet) error {
		calls, err := startCallFleet(ctx, f)
		if err != nil {
			return err
		}
		s := stallFleet{callFleet: calls, run: r}
		if s.subscriber, err = f.add(ctx, roleSubscriber, 0); err != nil {
			return err
		}
		if s.publisher, err = f.add(ctx, rolePublisher, 0); err != nil {
			return err
		}
		if err := s.publisher.ask(command{Do: doGather}, nil); err != nil {
			return err
		}
		return s.measure()
	})
}

func (s stallFleet) measure() error {
	quiet, err := s.warmed(load{InFlight: callsInFlight}, nil)
	if err != nil {
		return err
	}
	reading, err := s.observed(s.flooded)
	if err != nil {
		return err
	}
	var earlier heardCount
	if err := s.subscriber.ask(command{Do: doCount}, &earlier); err != nil {
		return err
	}
	stopped, err := s.observed(s.stalled)
	if err != nil {
		return err
	}
	s.note(quiet, reading, stopped)
	return s.told(earlier.Lost)
}

// flooding is what a phase with a flood looked like.
type flooding struct {
	timing
	peak float64 // bytes that the broker had resident at most
	sent uint64  // events of the flood
}

func (s stallFleet) observed(phase func() (timing, uint64, error)) (f flooding, err error) {
	if err := s.broker.ask(command{Do: doUsage, FreeMemory: true, ResetPeak: true}, nil); err != nil {
		return f, err
	}
	if f.timing, f.sent, err = phase(); err != nil {
		return f, err
	}
	var u usage
	err = s.broker.ask(command{Do: doUsage}, &u)
	f.peak = float64(u.PeakRSS)
	return f, err
}

func (s stallFleet) note(quiet timing, reading, stopped flooding) {
	const mib = 1 << 20
	for figure, value := range map[figure]float64{
		quietP99: micros(quiet.P99), floodP99: micros(reading.P99), stalledP99: micros(stopped.P99),
		stallQuiet:  float64(stopped.P99) / float64(quiet.P99),
		stallFlood:  float64(stopped.P99) / float64(reading.P99),
		readingPeak: reading.peak / mib, stallPeak: stopped.peak / mib,
		stallSent:   float64(stopped.sent),
		stallBound:  stallQueueBytes / mib,
		stallGrowth: (stopped.peak - reading.peak) / stallQueueBytes,
	} {
		s.run.results.add(figure, s.sys.name, value)
	}
}

// flooded puts the callers' load on while events flood the subscriber, and
// returns how many did.
func (s stallFleet) flooded() (timing, uint64, error) {
	ended := make(chan error, 1)
	var sent published
	flood := command{Do: doFlood, Duration: s.cfg.warmUp + s.cfg.duration, Rate: s.cfg.floodRate}
	go func() { ended <- s.publisher.ask(flood, &sent) }()
	t, err := s.warmed(load{InFlight: callsInFlight}, nil)
	err = errors.Join(err, <-ended)
	return t, sent.Events, err
}

// stalled is flooded with the subscriber stopped.
func (s stallFleet) stalled() (timing, uint64, error) {
	if err := s.subscriber.Signal(syscall.SIGSTOP); err != nil {
		return timing{}, 0, err
	}
	t, sent, err := s.flooded()
	return t, sent, errors.Join(err, s.subscriber.Signal(syscall.SIGCONT))
}

// told waits until the subscriber has heard of every event or been told that
// it is lost, which the next events that it gets tell.
func (s stallFleet) told(lostBefore uint64) error {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		var sent published
		if err := s.publisher.ask(command{Do: doFlood, Duration: 5 * time.Millisecond, Rate: 1000}, &sent); err != nil {
			return err
		}
		var heard heardCount
		if err := s.subscriber.ask(command{Do: doCount}, &heard); err != nil {
			return err
		}
		if heard.Events+heard.Lost == sent.Total {
			s.run.results.add(stallLost, s.sys.name, float64(heard.Lost-lostBefore))
			return nil
		}
	}
	return errors.New("the subscriber was not told of all events that it lost")
}
