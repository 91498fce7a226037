package main

import (
	"context"
	"time"
)

const (
	callsInFlight = 64
	largeInFlight = 8
)

// callFleet is a broker, if the system has one, a server and a client.
type callFleet struct {
	*fleet
	broker, client *process
}

func startCallFleet(ctx context.Context, f *fleet) (c callFleet, err error) {
	c.fleet = f
	if f.sys.broker != nil {
		if c.broker, err = f.add(ctx, roleBroker, 0); err != nil {
			return c, err
		}
	}
	if f.sys.server != nil {
		if _, err = f.add(ctx, roleServer, 0); err != nil {
			return c, err
		}
	}
	c.client, err = f.add(ctx, roleClient, 0)
	return c, err
}

// warmed puts a load on the client for the warm-up and then for the
// measurement, and returns the timing of the latter. between is called
// between the two.
func (c callFleet) warmed(l load, between func() error) (t timing, err error) {
	l.Duration = c.cfg.warmUp
	if l.Duration > 0 {
		if err := c.client.ask(command{Do: doLoad, Load: l}, nil); err != nil {
			return t, err
		}
	}
	if between != nil {
		if err := between(); err != nil {
			return t, err
		}
	}
	l.Duration = c.cfg.duration
	err = c.client.ask(command{Do: doLoad, Load: l}, &t)
	return t, err
}

// measureCalls measures what needs a client and a server.
func measureCalls(ctx context.Context, r run, sys system) error {
	return r.sail(sys, "calls", spec{}, func(f *fleet) error {
		c, err := startCallFleet(ctx, f)
		if err != nil {
			return err
		}
		if r.measures(1, 8) {
			if err := c.roundTrips(r.results); err != nil {
				return err
			}
		}
		if r.measures(2, 5, 8) {
			if err := c.manyCalls(r.results); err != nil {
				return err
			}
		}
		if r.measures(4) && !sys.floor {
			return c.largeCalls(r.results)
		}
		return nil
	})
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func (c callFleet) roundTrips(to results) error {
	t, err := c.warmed(load{InFlight: 1}, nil)
	if err != nil {
		return err
	}
	to.add(tripMedian, c.sys.name, micros(t.Median))
	to.add(tripP99, c.sys.name, micros(t.P99))
	return nil
}

func (c callFleet) manyCalls(to results) error {
	var before, after usage
	t, err := c.warmed(load{InFlight: callsInFlight}, func() error { return c.brokerUsage(&before) })
	if err != nil {
		return err
	}
	if err := c.brokerUsage(&after); err != nil {
		return err
	}
	to.add(callsRate, c.sys.name, t.perSecond())
	to.add(callsP99, c.sys.name, micros(t.P99))
	if c.broker != nil {
		to.add(brokerCPU, c.sys.name, micros(after.CPU-before.CPU)/float64(t.Calls))
	}
	if c.sys.goBroker {
		// A call is two messages that the broker routes.
		to.add(brokerAlloc, c.sys.name, float64(after.Mallocs-before.Mallocs)/float64(2*t.Calls))
	}
	return nil
}

func (c callFleet) brokerUsage(u *usage) error {
	if c.broker == nil {
		return nil
	}
	return c.broker.ask(command{Do: doUsage}, u)
}

func (c callFleet) largeCalls(to results) error {
	t, err := c.warmed(load{InFlight: largeInFlight, Large: true}, nil)
	if err != nil {
		return err
	}
	to.add(largeRate, c.sys.name, 2*largeBody*t.perSecond()/1e6)
	return nil
}
