package broker_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/broker"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/link"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lockedBuffer is a log that a test reads while others write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), text)
}

func TestEveryDenialIsOneLogLine(t *testing.T) {
	log := &lockedBuffer{}
	b := bustest.NewWith(t, broker.Config{Table: bustest.Table(), Logger: slog.New(slog.NewTextHandler(log, nil))})
	worker, _ := b.Conn(roles.Worker, "worker.1", nil)
	_, err := bus.Method[bus.None, bus.None]("wallet.spend").Call(t.Context(), worker, bus.None{})
	require.ErrorIs(t, err, bus.ErrDenied)
	require.Equal(t, 1, log.count("may not call "))
	require.ErrorIs(t, bus.Topic[bus.None]("node.tip").Publish(t.Context(), worker, bus.None{}), bus.ErrDenied)
	require.Equal(t, 1, log.count("may not publish "))
	_, err = worker.Subscribe(t.Context(), "wallet.")
	require.ErrorIs(t, err, bus.ErrDenied)
	require.Equal(t, 1, log.count("may not hear "))
	require.EqualValues(t, 3, b.Broker.Stats()[0].Denials)
}

func TestAFloodOfDenialsDoesNotFillTheLog(t *testing.T) {
	log := &lockedBuffer{}
	b := bustest.NewWith(t, broker.Config{Table: bustest.Table(), Logger: slog.New(slog.NewTextHandler(log, nil))})
	worker, stop := b.Conn(roles.Worker, "worker.1", nil)
	observer, _ := b.Conn(roles.Gateway, "gateway", nil)
	sub, err := observer.Subscribe(t.Context(), "bus.link.gone.")
	require.NoError(t, err)
	for range 1000 {
		_, err := bus.Method[bus.None, bus.None]("wallet.spend").Call(t.Context(), worker, bus.None{})
		require.ErrorIs(t, err, bus.ErrDenied)
	}
	stop()
	_, err = sub.Next(t.Context())
	require.NoError(t, err)
	require.Equal(t, 60, log.count("may not call "))
	require.Eventually(t, func() bool { return log.count("was denied 940 more times") == 1 }, time.Minute, time.Millisecond)
}

// TestComingAndGoingDoesNotMakeRoomInTheLog: each new link may be told of, but
// not without end.
func TestComingAndGoingDoesNotMakeRoomInTheLog(t *testing.T) {
	log := &lockedBuffer{}
	b := bustest.NewWith(t, broker.Config{Table: bustest.Table(), Logger: slog.New(slog.NewTextHandler(log, nil))})
	for range 30 {
		client, stop := b.Conn(roles.Client, "client.1", nil)
		for range 70 {
			_, err := bus.Method[bus.None, bus.None]("wallet.spend").Call(t.Context(), client, bus.None{})
			require.ErrorIs(t, err, bus.ErrDenied)
		}
		stop()
		require.Eventually(t, func() bool { return len(b.Broker.Stats()) == 0 }, time.Minute, time.Millisecond)
	}
	require.LessOrEqual(t, log.count("\n"), 600)
	require.Greater(t, log.count("\n"), 500)
}

// deaf is a handler that ignores what arrives.
type deaf struct{}

func (deaf) Receive(*link.Message) {}
func (deaf) Idle()                 {}

// send sends a message of two frames, or of one if body is nil.
func send(t *testing.T, l *link.Link, head, body []byte) {
	t.Helper()
	mine, err := l.Send(link.Ordinary, head, body, nil)
	require.NoError(t, err)
	if mine {
		l.Flush()
	}
}

// raw attaches a link that speaks whatever the test wants.
func raw(t *testing.T, b *bustest.Bus, role rights.Role, instance string) (*link.Link, <-chan error) {
	t.Helper()
	l := link.New(b.Link(role, instance), false, link.Limits{})
	ended := make(chan error, 1)
	go func() { ended <- l.Run(t.Context(), deaf{}) }()
	<-l.Ready()
	return l, ended
}

func header(t *testing.T, h codec.Header) []byte {
	t.Helper()
	frame, err := codec.EncodeHeader(&h)
	require.NoError(t, err)
	return frame
}

func TestAProtocolBreakerLosesItsLinkOnly(t *testing.T) {
	b := bustest.New(t)
	mux := bus.NewMux()
	echo := bus.Method[bus.None, bus.None]("node.chain.echo")
	echo.Handle(mux, func(_ context.Context, n bus.None) (bus.None, error) { return n, nil })
	b.Conn(roles.Node, "node", mux)
	good, _ := b.Conn(roles.Worker, "worker.good", nil)
	empty := []byte{0xa0}
	for name, msg := range map[string][2][]byte{
		"not CBOR":                 {[]byte("\xff\xff\xff"), empty},
		"unknown kind":             {[]byte{0xa2, 0x01, 0x01, 0x02, 0x18, 0x63}, empty},
		"another version":          {[]byte{0xa2, 0x01, 0x09, 0x02, 0x01}, empty},
		"a call before hello":      {header(t, codec.Header{Kind: codec.Call, ID: 1, To: "node.chain.echo"}), empty},
		"hello that is no map":     {header(t, codec.Header{Kind: codec.Hello}), []byte{0x01}},
		"an offer above its rank":  {header(t, codec.Header{Kind: codec.Hello}), []byte{0xa1, 0x01, 0x81, 0x66, 'n', 'o', 'd', 'e', '.', 'x'}},
		"what only the broker may": {header(t, codec.Header{Kind: codec.Welcome}), empty},
		"an item before hello":     {header(t, codec.Header{Kind: codec.Item, ID: 1}), empty},
	} {
		t.Run(name, func(t *testing.T) {
			bad, ended := raw(t, b, roles.Worker, "worker.bad "+name)
			send(t, bad, msg[0], msg[1])
			<-ended
			_, err := echo.Call(t.Context(), good, bus.None{})
			require.NoError(t, err)
		})
	}
}

func TestAnInstanceIsAttachedOnce(t *testing.T) {
	b := bustest.New(t)
	b.Conn(roles.Node, "node", nil)
	a, ours := link.Pipe()
	defer a.Close()
	require.ErrorContains(t, b.Broker.Serve(t.Context(), ours, broker.Identity{Role: roles.Node, Instance: "node"}), "attached already")
}
