package manager

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
)

// memory is a supervisor that notes each call, or fails.
type memory struct {
	mu    sync.Mutex
	calls [][][]byte
	fails error
}

func (s *ship) remembers() *memory {
	m := &memory{}
	mux := bus.NewMux()
	msg.RememberPeers.Handle(mux, func(_ context.Context, body msg.EndedPeersBody) (bus.None, error) {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.fails == nil {
			m.calls = append(m.calls, body.Records)
		}
		return bus.None{}, m.fails
	})
	s.bus.Conn(roles.Supervisor, "supervisor", mux)
	return m
}

func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fails = err
}

// taken returns the calls since it was last asked to forget them.
func (m *memory) taken() [][][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.calls)
}

func (m *memory) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls = nil
}

// passes lets time pass in a bubble.
func passes(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func all(calls [][][]byte) (records [][]byte) {
	for _, call := range calls {
		records = append(records, call...)
	}
	return records
}

// Ends are handed over as they come, those that come at once together; a manager that is
// started again tells of them, and gives no number again.
func TestHistoryIsHandedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShip(t, Config{})
		kept := s.remembers()
		ctx, cancel := context.WithCancel(t.Context())
		ended := concurrently(ctx, s.handHistory)
		w := s.worker("worker.1", 0)
		end := func() { w.close(p2p.ClosePeerRequest{Peer: w.accept("1.2.3.4:1000"), Code: p2p.PingTimeout}) }
		end()
		synctest.Wait()
		require.Len(t, all(kept.taken()), 1)
		for range 2*maxHanded + 5 {
			end()
		}
		passes(handPause * 4)
		require.Len(t, kept.taken(), 4)
		require.Len(t, all(kept.taken()), 2*maxHanded+6)

		kept.fail(errors.New("not now"))
		end()
		passes(handRetry / 2)
		kept.fail(nil)
		passes(handRetry)
		require.Len(t, kept.taken(), 5)

		again, err := restarted(Config{DataDir: t.TempDir(), Past: all(kept.taken())})
		require.NoError(t, err)
		require.Equal(t, s.past, again.past)
		require.Len(t, again.past, 2*maxHanded+7)
		require.Zero(t, again.noted, "the supervisor has them")
		kept.forget()
		passes(time.Hour)
		require.Empty(t, kept.taken())
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
		next := newShip(t, Config{Past: all([][][]byte{{[]byte(`{"id": 700}`), []byte(`{"id": 7000000000000000000}`)}})})
		require.EqualValues(t, 701, next.worker("worker.1", 0).accept("1.2.3.4:1"))
	})
}

// More than are remembered are not handed over either.
func TestHistoryThatCannotBeHandedOverIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShip(t, Config{})
		kept := s.remembers()
		w := s.worker("worker.1", 0)
		for range maxHistory + 3 {
			w.close(p2p.ClosePeerRequest{Peer: w.accept("1.2.3.4:1000")})
		}
		for {
			more, err := s.handSome(t.Context())
			require.NoError(t, err)
			if !more {
				break
			}
		}
		require.Len(t, all(kept.taken()), maxHistory)
		again, err := restarted(Config{DataDir: t.TempDir(), Past: all(kept.taken())})
		require.NoError(t, err)
		require.Equal(t, s.past, again.past)
	})
}

// What was handed over by a manager in a stranger's hands is bounded as what a worker
// tells, and counts once.
func TestWhatIsRecalledIsNotBelieved(t *testing.T) {
	long := strings.Repeat("x\x01", 1000)
	record, err := json.Marshal(pastPeer{ID: 3, Addr: long, Network: long, Text: long, Reason: "because", LastSent: slices.Repeat([]string{long}, 100)})
	require.NoError(t, err)
	m, err := restarted(Config{DataDir: t.TempDir(), Past: [][]byte{record, []byte("{"), record}})
	require.NoError(t, err)
	text := strings.Repeat("x", maxReasonText)
	require.Equal(t, []pastPeer{{ID: 3, Addr: strings.Repeat("x", maxName), Network: text, Text: text, Reason: string(p2p.ReasonUntold),
		LastSent: slices.Repeat([]string{text[:maxMessageType]}, p2p.MaxLastTypes), LastRecv: []string{}}}, m.past)
	m, err = restarted(Config{DataDir: t.TempDir(), Past: make([][]byte, 2*maxHistory)})
	require.NoError(t, err)
	require.Empty(t, m.past)
}
