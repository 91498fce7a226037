package transport

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// turnstile is a gate that lets pass what it is told to, in bytes.
type turnstile struct {
	tokens   chan int
	closed   chan struct{}
	opened   chan struct{}
	asked    chan bool // whether what waits is urgent
	settled  atomic.Int64
	refunded atomic.Int64
	open     atomic.Bool
}

func newTurnstile() *turnstile {
	return &turnstile{tokens: make(chan int), closed: make(chan struct{}), opened: make(chan struct{}), asked: make(chan bool, 100)}
}

func (g *turnstile) Paced(p2p.Direction) bool { return !g.open.Load() }

func (g *turnstile) Admit(_ p2p.Direction, _ p2p.TrafficClass, n int, urgent bool, hurry <-chan struct{}) int {
	g.asked <- urgent
	if urgent {
		return n
	}
	select {
	case got := <-g.tokens:
		return min(n, got)
	case <-hurry:
	case <-g.closed:
	case <-g.opened:
	}
	return 0
}

// letGo ends the pacing.
func (g *turnstile) letGo() {
	g.open.Store(true)
	close(g.opened)
}

func (g *turnstile) Settle(_ p2p.TrafficClass, n int, _ func() bool, _ <-chan struct{}) {
	g.settled.Add(int64(n))
}
func (g *turnstile) Refund(_ p2p.Direction, _ p2p.TrafficClass, n int) { g.refunded.Add(int64(n)) }
func (g *turnstile) Closed() <-chan struct{}                           { return g.closed }

func gated(t *testing.T) (near, far *Conn, gate *turnstile) {
	t.Helper()
	a, b := sockets(t)
	gate = newTurnstile()
	near = New(a, Config{Net: wire.TestNet, Now: fixedNow, Gate: gate})
	far = New(b, Config{Net: wire.TestNet, Now: fixedNow})
	done := make(chan error, 1)
	go func() { done <- near.Run(context.Background()) }()
	t.Cleanup(func() {
		close(gate.closed)
		near.Close()
		far.Close()
		<-done
	})
	return near, far, gate
}

func types(t *testing.T, c *Conn, n int) (list []string) {
	t.Helper()
	for range n {
		m, err := c.Receive()
		require.NoError(t, err)
		list = append(list, m.Type)
	}
	return list
}

// What is sent first overtakes the blocks that wait; the one that is half written is
// finished at once.
func TestAGateLetsTheTipPassFirst(t *testing.T) {
	near, far, gate := gated(t)
	for range 3 {
		require.NoError(t, near.Send("block", make([]byte, 100_000)))
	}
	require.False(t, <-gate.asked)
	gate.tokens <- 10_000
	require.False(t, <-gate.asked)
	require.NoError(t, near.SendFirst("headers", make([]byte, 81)))
	require.Equal(t, []string{"block", "headers"}, types(t, far, 2))
	gate.letGo()
	require.Equal(t, []string{"block", "block"}, types(t, far, 2))
}

// Nothing overtakes the messages of a handshake.
func TestAGateKeepsHandshakesInOrder(t *testing.T) {
	near, far, gate := gated(t)
	require.NoError(t, near.Send("version", make([]byte, 100)))
	<-gate.asked
	require.NoError(t, near.Send("verack", nil))
	require.NoError(t, near.SendFirst("ping", make([]byte, 8)))
	gate.letGo()
	require.Equal(t, []string{"version", "verack", "ping"}, types(t, far, 3))
}

// Who waits at the gate goes on when nothing is limited any more.
func TestAGateThatOpens(t *testing.T) {
	near, far, gate := gated(t)
	require.NoError(t, near.Send("block", make([]byte, 100_000)))
	<-gate.asked
	gate.letGo()
	require.NoError(t, near.Send("block", make([]byte, 3_000_000)))
	require.Equal(t, []string{"block", "block"}, types(t, far, 2))
}

// A gate admits what is read, takes back what did not come, and counts messages for
// their class.
func TestAGateForWhatIsRead(t *testing.T) {
	near, far, gate := gated(t)
	done := make(chan error, 1)
	go func() { done <- far.Run(context.Background()) }()
	require.NoError(t, far.Send("ping", make([]byte, 8)))
	near.ReadFirst(true)
	require.Equal(t, []string{"ping"}, types(t, near, 1))
	require.True(t, <-gate.asked)
	require.EqualValues(t, 32, gate.settled.Load())
	require.EqualValues(t, bufferSize-32, gate.refunded.Load())
	far.Close()
	<-done
}

// A reader that waits is told when what it reads has become urgent.
func TestAGateIsToldWhatHasBecomeUrgent(t *testing.T) {
	near, far, gate := gated(t)
	done := make(chan error, 1)
	go func() { done <- far.Run(context.Background()) }()
	require.NoError(t, far.Send("headers", make([]byte, 82)))
	read := make(chan []string, 1)
	go func() { read <- types(t, near, 1) }()
	require.False(t, <-gate.asked)
	near.ReadFirst(true)
	require.Equal(t, []string{"headers"}, <-read)
	far.Close()
	<-done
}
