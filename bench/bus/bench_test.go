package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bench/internal/child"
	"github.com/bulkheadnode/bulkhead/bench/internal/machine"
)

// TestMain lets the program start itself again: its processes are copies of
// the test.
func TestMain(m *testing.M) {
	if child.Is(os.Args[1:]) {
		if err := start(os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// The race detector lets every process sleep a second before it ends.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// brief is a run that takes no longer than its processes need to start.
func brief(t *testing.T, args ...string) config {
	t.Helper()
	c, err := parseConfig(append([]string{"-duration=50ms", "-warmup=20ms", "-rounds=1"}, args...), io.Discard)
	require.NoError(t, err)
	c.links, c.subscribers = 20, 3
	c.dir = t.TempDir()
	return c
}

func TestAllRowsOfBulkheadArePositiveAndNothingIsLost(t *testing.T) {
	r, err := measureAll(t.Context(), brief(t, "-systems=bulkhead,bulkhead-inprocess"), io.Discard)
	require.NoError(t, err)
	// What an ever better bus may bring to nothing, or beyond: garbage that
	// the broker gives back while links are opened counts against them.
	mayBeZero := map[figure]bool{eventsLost: true, brokerAlloc: true, linkRSS: true, linkHeap: true, stallLost: true, stallGrowth: true}
	for _, f := range figures() {
		got, measured := r.of(f, bulkhead().name)
		require.True(t, measured, f.Name)
		if !mayBeZero[f] {
			require.Positive(t, got.Median, f.Name)
		}
	}
	lost, _ := r.of(eventsLost, bulkhead().name)
	require.Zero(t, lost.High)
	for _, f := range []figure{tripMedian, callsRate, largeRate} {
		inner, measured := r.of(f, inProcess().name)
		require.True(t, measured, f.Name)
		require.Positive(t, inner.Median, f.Name)
	}
}

func TestTheOthersAreMeasuredLikewise(t *testing.T) {
	c := brief(t, "-rows=1,2,3,4,5,6")
	r, err := measureAll(t.Context(), c, io.Discard)
	require.NoError(t, err)
	for _, sys := range systems() {
		_, measured := r.of(callsRate, sys.name)
		require.Equal(t, sys.absent == "", measured, sys.name)
		if sys.events != nil {
			lost, measured := r.of(eventsLost, sys.name)
			require.True(t, measured, sys.name)
			require.Zero(t, lost.High, sys.name)
		}
	}
}

func TestAStalledSubscriberIsToldWhatItLost(t *testing.T) {
	c := brief(t, "-rows=7", "-systems=bulkhead", "-floodrate=0", "-duration=400ms")
	r, err := measureAll(t.Context(), c, io.Discard)
	require.NoError(t, err)
	_, measured := r.of(stallLost, bulkhead().name)
	require.True(t, measured, "the events it heard and those it was told of make up all that were published")
}

func TestAProcessThatFailsEndsTheRun(t *testing.T) {
	f, err := newFleet(brief(t), bulkhead(), "test", spec{})
	require.NoError(t, err)
	_, err = f.add(t.Context(), roleServer, 0)
	require.ErrorContains(t, err, "bulkhead server")
	require.NoError(t, f.end())
	require.NoDirExists(t, f.base.Dir)
}

func TestAProcessEndsWithTheRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f, err := newFleet(brief(t), bulkhead(), "test", spec{})
	require.NoError(t, err)
	broker, err := f.add(ctx, roleBroker, 0)
	require.NoError(t, err)
	cancel()
	require.Error(t, broker.ask(command{Do: doUsage}, nil))
	require.Error(t, f.end())
}

func TestABadReplyFailsTheCall(t *testing.T) {
	sent := newBody(1000)
	require.NoError(t, sameBody(sent, newBody(1000)))
	require.Error(t, sameBody(sent, newBody(999)))
	for _, at := range []int{0, 999} {
		damaged := newBody(1000)
		damaged[at]++
		require.Error(t, sameBody(sent, damaged))
	}
}

func TestTheSubscriberCountsWhatIsMissing(t *testing.T) {
	s := newSubscriber(spec{}, nil).(*subscriber)
	hear := func(seq uint64) error {
		body := newBody(smallBody)
		putNotice(body, seq, eventData)
		return s.heard(body)
	}
	for _, seq := range []uint64{1, 2, 5, 9} {
		require.NoError(t, hear(seq))
	}
	require.EqualValues(t, 4, s.events.Load())
	require.EqualValues(t, 5, s.lost.Load())
	require.Error(t, hear(9), "an event twice")
	require.Error(t, s.heard(make([]byte, 3)))
}

func TestTheSlowestSubscriberCounts(t *testing.T) {
	start := time.Now()
	sent := published{Started: start, Events: 100}
	before := []heardCount{{Events: 10}, {Events: 20}}
	after := []heardCount{
		{Events: 110, Acked: start.Add(2 * time.Second)},
		{Events: 117, Lost: 3, Acked: start.Add(time.Second)},
	}
	rate, lost := slowest(sent, before, after)
	require.InDelta(t, 50, rate, 1e-9)
	require.EqualValues(t, 3, lost)
}

func TestTheReport(t *testing.T) {
	c := brief(t, "-systems=bulkhead,nats,libzmq", "-rows=2,3")
	r := results{}
	for _, v := range []float64{300000, 100000, 200000} {
		r.add(callsRate, "bulkhead", v)
		r.add(callsRate, "nats", v/2)
	}
	r.add(tripMedian, "bulkhead", 12.5)
	var out bytes.Buffer
	require.NoError(t, writeReport(&out, c, machine.Machine{Date: "a day", Cores: 2}, r))
	require.Contains(t, out.String(), "200000 (100000-300000) | 100000 (50000-150000) |")
	require.Contains(t, out.String(), "| calls per second, 64 in flight: at least 2x nats | 2.00x | yes |")
	require.NotContains(t, out.String(), "12.5", "a row that was not asked for")
	rows := strings.Count(out.String(), "\n| 2 |")
	require.Equal(t, 1, rows)

	path := filepath.Join(t.TempDir(), "out.json")
	require.NoError(t, writeJSON(path, c, machine.Machine{}, r))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var read struct {
		Figures []struct {
			Name    string
			Systems map[string][]float64
		}
	}
	require.NoError(t, json.Unmarshal(text, &read))
	require.Len(t, read.Figures, 2)
	require.Equal(t, []float64{300000, 100000, 200000}, read.Figures[1].Systems["bulkhead"])
}

func TestTheCommandLine(t *testing.T) {
	c, err := parseConfig([]string{"-rows", "1,8", "-systems", "nats", "-duration", "3s"}, io.Discard)
	require.NoError(t, err)
	require.Equal(t, []int{1, 8}, c.rows)
	require.Equal(t, []string{"nats"}, c.systems)
	require.Equal(t, 3*time.Second, c.duration)
	for _, args := range [][]string{{"-rows", "9"}, {"-rows", ""}, {"-systems", "rabbit"}, {"-rounds", "0"}, {"-nonsense"}} {
		_, err := parseConfig(args, io.Discard)
		require.Error(t, err, args)
	}
}
