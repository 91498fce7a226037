package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// latencies are durations of one kind, which many goroutines note.
type latencies struct {
	mu   sync.Mutex
	list []time.Duration
}

func (l *latencies) note(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, d)
}

// text is the median, the 99th percentile and the greatest.
func (l *latencies) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.list) == 0 {
		return "none"
	}
	slices.Sort(l.list)
	at := func(percent int) float64 {
		return float64(l.list[min(len(l.list)*percent/100, len(l.list)-1)].Microseconds()) / 1000
	}
	return fmt.Sprintf("p50 %.2f ms, p99 %.2f, max %.2f, of %d", at(50), at(99), at(100), len(l.list))
}

// result is what one run has shown.
type result struct {
	config
	accept, pong         latencies
	made                 time.Duration
	before, first, after usage
	held                 time.Duration
	unanswered, lost     int
}

// measure makes the connections, holds them, and leaves.
func measure(ctx context.Context, c config, progress io.Writer) (*result, error) {
	dir, err := os.MkdirTemp("", "peers")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	cmd, port, err := runNode(ctx, c, dir, progress)
	if err != nil {
		return nil, err
	}
	r := &result{config: c}
	err = r.run(ctx, cmd.Process.Pid, port, progress)
	if ended := stopNode(cmd); err == nil && ended != nil {
		err = fmt.Errorf("the node did not end in order: %w", ended)
	}
	return r, err
}

func (r *result) run(ctx context.Context, pid, port int, progress io.Writer) (err error) {
	if r.before, err = usageOf(pid); err != nil {
		return err
	}
	var stubs []*stub
	defer func() {
		for _, s := range stubs {
			s.leave()
		}
	}()
	began := time.Now()
	for len(stubs) < r.connections && ctx.Err() == nil {
		time.Sleep(r.pace)
		s, took, err := connect(port, r.pong.note)
		if err != nil {
			return fmt.Errorf("after %d connections: %w", len(stubs), err)
		}
		r.accept.note(took)
		if stubs = append(stubs, s); len(stubs)%500 == 0 {
			fmt.Fprintf(progress, "%d connections after %.0f s\n", len(stubs), time.Since(began).Seconds())
		}
	}
	r.made = time.Since(began)
	time.Sleep(5 * time.Second) // what comes with a connection is over
	if r.first, err = usageOf(pid); err != nil {
		return err
	}
	r.hold(ctx, stubs)
	r.after, err = usageOf(pid)
	return err
}

// hold pings each twice, spread over the time.
func (r *result) hold(ctx context.Context, stubs []*stub) {
	began := time.Now()
	var tasks sync.WaitGroup
	var mu sync.Mutex
	pause := r.config.hold / time.Duration(2*len(stubs))
	for round := range 2 {
		for i, s := range stubs {
			if ctx.Err() != nil {
				break
			}
			time.Sleep(time.Until(began.Add(pause * time.Duration(round*len(stubs)+i))))
			tasks.Go(func() {
				if !s.ping() {
					mu.Lock()
					r.unanswered++
					mu.Unlock()
				}
			})
		}
	}
	tasks.Wait()
	r.held = time.Since(began)
	for _, s := range stubs {
		select {
		case <-s.over:
			r.lost++
		default:
		}
	}
}

// String is the report.
func (r *result) String() string {
	each := func(a, b uint64) string {
		return fmt.Sprintf("%.2f MB", float64(a-min(a, b))/float64(r.connections)/1e6)
	}
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "| %s | %s |\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(&b, "| -p2pworkers=%s | %d connections |\n|---|---|\n", r.workers, r.connections)
	row("made in", "%.1f s, %.0f a second, pause before each %v", r.made.Seconds(), float64(r.connections)/r.made.Seconds(), r.pace)
	row("connect to version", "%s", r.accept.text())
	row("held", "%.0f s; %d pings without an answer, %d connections lost", r.held.Seconds(), r.unanswered, r.lost)
	row("pong", "%s", r.pong.text())
	row("CPU while held", "%.2f %% of a core, %.4f %% a connection",
		100*(r.after.cpu-r.first.cpu).Seconds()/r.held.Seconds(), 100*(r.after.cpu-r.first.cpu).Seconds()/r.held.Seconds()/float64(r.connections))
	row("processes, threads", "%d, %d", r.after.processes, r.after.threads)
	row("memory (PSS)", "%.0f MB, %s a connection", float64(r.after.shared)/1e6, each(r.after.shared, r.before.shared))
	row("memory (RSS)", "%.0f MB, %s a connection", float64(r.after.resident)/1e6, each(r.after.resident, r.before.resident))
	return b.String()
}
