package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/pprof"

	"golang.org/x/sync/errgroup"

	"github.com/bulkheadnode/bulkhead/bench/internal/child"
)

// answerer answers the commands of a role.
type answerer func(context.Context, command) (any, error)

// runChild is the whole life of a process with a role.
func runChild(args []string, in io.Reader, out io.Writer) (err error) {
	var s spec
	if err := child.Spec(args, &s); err != nil {
		return err
	}
	sys, known := systemNamed(s.System)
	if !known {
		return fmt.Errorf("no system %q", s.System)
	}
	profiled, err := startProfiles(s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, profiled()) }()
	if err := play(context.Background(), sys, s, in, out); err != nil {
		return fmt.Errorf("%s %s: %w", s.System, s.Role, err)
	}
	return nil
}

func play(ctx context.Context, sys system, s spec, in io.Reader, out io.Writer) error {
	switch s.Role {
	case roleBroker:
		return playServing(ctx, s, sys.broker, in, out)
	case roleServer:
		return playServing(ctx, s, sys.server, in, out)
	case roleClient:
		c, err := sys.client(ctx, s)
		if err != nil {
			return err
		}
		return errors.Join(obey(ctx, in, out, func(ctx context.Context, cmd command) (any, error) {
			return c.load(ctx, cmd.Load)
		}), c.close())
	case rolePublisher:
		return playEvents(ctx, sys, s, in, out, newPublisher)
	case roleSubscriber:
		return playEvents(ctx, sys, s, in, out, newSubscriber)
	case roleLinks:
		l := newManyLinks(ctx, sys, s)
		return errors.Join(obey(ctx, in, out, l.answer), l.close())
	}
	return fmt.Errorf("no role %q", s.Role)
}

// playServing serves until the input ends.
func playServing(ctx context.Context, s spec, serve func(context.Context, spec, func()) error, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	ready := make(chan struct{})
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return serve(ctx, s, func() { close(ready) }) })
	select {
	case <-ready:
	case <-ctx.Done():
		cancel()
		return group.Wait()
	}
	err := obey(ctx, in, out, nil)
	cancel()
	return errors.Join(err, group.Wait())
}

// playEvents runs one end of a stream of events until the input ends.
func playEvents(ctx context.Context, sys system, s spec, in io.Reader, out io.Writer, role func(spec, events) eventRole) error {
	link, err := sys.events(ctx, s)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	r := role(s, link)
	subscribed := make(chan struct{})
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		err := link.listen(ctx, r.topic(), func() { close(subscribed) }, r.heard)
		if errors.Is(err, context.Canceled) {
			return nil
		}
		return err
	})
	select {
	case <-subscribed:
		err = obey(ctx, in, out, r.answer)
	case <-ctx.Done():
	}
	cancel()
	return errors.Join(err, group.Wait(), link.close())
}

// obey answers commands until the input ends.
func obey(ctx context.Context, in io.Reader, out io.Writer, answer answerer) error {
	return child.Obey(ctx, in, out, nil, func(ctx context.Context, c command) (any, error) {
		switch {
		case c.Do == doUsage:
			return measureUsage(c)
		case answer == nil:
			return nil, fmt.Errorf("cannot %s", c.Do)
		}
		return answer(ctx, c)
	})
}

// startProfiles begins what the spec asks for; the result writes it.
func startProfiles(s spec) (func() error, error) {
	var cpu *os.File
	if s.MemProfile != "" {
		runtime.MemProfileRate = 4096
	}
	if s.CPUProfile != "" {
		var err error
		if cpu, err = os.Create(s.CPUProfile); err != nil {
			return nil, err
		}
		if err := pprof.StartCPUProfile(cpu); err != nil {
			return nil, errors.Join(err, cpu.Close())
		}
	}
	return func() error {
		var err error
		if cpu != nil {
			pprof.StopCPUProfile()
			err = cpu.Close()
		}
		if s.MemProfile == "" {
			return err
		}
		mem, createErr := os.Create(s.MemProfile)
		if createErr != nil {
			return errors.Join(err, createErr)
		}
		return errors.Join(err, pprof.Lookup("allocs").WriteTo(mem, 0), mem.Close())
	}, nil
}
