package bus_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/broker"
	"github.com/bulkheadnode/bulkhead/bus/link"
	"github.com/bulkheadnode/bulkhead/bus/msg"
)

// playEnv names the part that a process of this test binary plays, and where
// the broker is.
const playEnv = "BULKHEAD_BUS_TEST_PART"

func TestMain(m *testing.M) {
	if part := os.Getenv(playEnv); part != "" {
		if err := play(part); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// play runs one part until its link or its standard input ends.
func play(part string) error {
	role, dir, _ := strings.Cut(part, "@")
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = bufio.NewReader(os.Stdin).ReadByte()
		cancel()
	}()
	if role == "broker" {
		return playBroker(ctx, dir)
	}
	nc, err := net.Dial("unix", filepath.Join(dir, role))
	if err != nil {
		return err
	}
	mux := bus.NewMux()
	if role == string(roles.Node) {
		mux, _ = nodeMux()
	}
	conn := bus.New(nc, bus.Config{Mux: mux})
	ended := make(chan error, 1)
	go func() { ended <- conn.Run(ctx) }()
	select {
	case <-conn.Ready():
	case err := <-ended:
		return err
	}
	if role != string(roles.Node) {
		if _, err := conn.Subscribe(ctx, ticks.Name()); err != nil {
			return err
		}
	}
	fmt.Println("ready")
	return <-ended
}

// playBroker serves one socket a role: whoever connects to it is that.
func playBroker(ctx context.Context, dir string) error {
	table := bustest.Table()
	wallet := table[roles.Wallet] // the test's own eyes
	wallet.Call = append(wallet.Call, msg.BusStats.Name())
	table[roles.Wallet] = wallet
	b := broker.New(broker.Config{Table: table, Limits: link.Limits{QueueBytes: 1 << 20}})
	for _, role := range []rights.Role{roles.Node, roles.Worker, roles.Wallet, roles.Notify} {
		listener, err := net.Listen("unix", filepath.Join(dir, string(role)))
		if err != nil {
			return err
		}
		go func() {
			for n := 0; ; n++ {
				nc, err := listener.Accept()
				if err != nil {
					return
				}
				instance := fmt.Sprintf("%s.%d", role, n)
				go func() { _ = b.Serve(ctx, nc, broker.Identity{Role: role, Instance: instance}) }()
			}
		}()
	}
	fmt.Println("ready")
	<-ctx.Done()
	return nil
}

// start runs a part as a process and returns when it is ready.
func start(t *testing.T, role, dir string) *os.Process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), playEnv+"="+role+"@"+dir)
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = stdin.Close()
		_ = cmd.Wait() // it was killed
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", line)
	return cmd.Process
}

// join attaches this process as a role.
func join(t *testing.T, role, dir string) *bus.Conn {
	t.Helper()
	nc, err := net.Dial("unix", filepath.Join(dir, role))
	require.NoError(t, err)
	conn := bus.New(nc, bus.Config{})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = conn.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	<-conn.Ready()
	return conn
}

// loaded makes 64 calls that hang and 8 callers that call without end, and
// returns what the former end with.
func loaded(t *testing.T, conn *bus.Conn) <-chan error {
	t.Helper()
	ended := make(chan error, 64)
	var calls sync.WaitGroup
	for range 64 {
		calls.Go(func() {
			_, err := hang.Call(context.Background(), conn, question{})
			ended <- err
		})
	}
	warm := make(chan struct{}, 8)
	for range 8 {
		calls.Go(func() {
			for i := 0; ; i++ {
				if _, err := echo.Call(context.Background(), conn, question{N: i}); err != nil {
					return
				}
				if i == 100 {
					warm <- struct{}{}
				}
			}
		})
	}
	t.Cleanup(calls.Wait)
	for range cap(warm) {
		<-warm
	}
	return ended
}

// TestKillingAProcessFailsItsCallers: none of them has a deadline for which it
// could wait. How soon they fail is logged: 4 to 10 ms on a quiet machine.
func TestKillingAProcessFailsItsCallers(t *testing.T) {
	for _, victim := range []struct {
		role string
		kind error
	}{{"node", bus.ErrGone}, {"broker", bus.ErrClosed}} {
		t.Run(victim.role, func(t *testing.T) {
			dir := t.TempDir()
			processes := map[string]*os.Process{"broker": start(t, "broker", dir)}
			processes["node"] = start(t, "node", dir)
			ended := loaded(t, join(t, "worker", dir))
			began := time.Now()
			require.NoError(t, processes[victim.role].Kill())
			for range 64 {
				require.ErrorIs(t, <-ended, victim.kind)
			}
			t.Logf("64 calls in flight failed within %s of the kill", time.Since(began))
		})
	}
}

// TestAStoppedSubscriberCostsTheOthersNothing: what is published to it stays
// within the bound of its queue, and everybody else is served.
func TestAStoppedSubscriberCostsTheOthersNothing(t *testing.T) {
	dir := t.TempDir()
	start(t, "broker", dir)
	publisher := join(t, "node", dir)
	stopped := start(t, "notify", dir)
	require.NoError(t, stopped.Signal(syscall.SIGSTOP))
	healthy := join(t, "worker", dir)
	sub, err := healthy.Subscribe(t.Context(), ticks.Name())
	require.NoError(t, err)
	const events = 64
	large := make([]byte, 256<<10)
	for i := range events {
		require.NoError(t, ticks.Publish(t.Context(), publisher, tick{N: i, Frames: bus.Frames{Attached: [][]byte{large}}}))
		ev, err := sub.Next(t.Context())
		require.NoError(t, err)
		require.Zero(t, ev.Gap)
	}
	stats, err := msg.BusStats.Call(t.Context(), join(t, "wallet", dir), bus.None{})
	require.NoError(t, err)
	require.Len(t, stats.Links, 4)
	for _, l := range stats.Links {
		require.LessOrEqual(t, l.QueueBytes, 1<<20, l.Instance)
		if strings.HasPrefix(l.Instance, "notify.") {
			require.NotZero(t, l.QueueBytes)
			require.NotZero(t, l.Drops)
			require.EqualValues(t, events, l.Drops+l.MessagesOut-2, "what was not dropped was queued; a welcome and a reply were sent")
		} else {
			require.Zero(t, l.Drops)
		}
	}
}
