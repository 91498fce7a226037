package manager

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/p2pworker/roster"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/part"
)

// TestAWorkerWhoseEndWasMissedLosesItsSlots: of two that registered, one ends
// and no event tells of it.
func TestAWorkerWhoseEndWasMissedLosesItsSlots(t *testing.T) {
	m, err := newManager(part.Env{Logger: slog.New(slog.DiscardHandler), Clock: clock.New(0)}, Config{DataDir: t.TempDir()}.withDefaults())
	require.NoError(t, err)
	b := bustest.New(t)
	m.conn, _ = b.Conn(roles.Peers, "peers", m.mux())
	stops := map[string]func(){}
	for _, name := range []string{"worker.1", "worker.2"} {
		conn, stop := b.Conn(roles.Worker, name, bus.NewMux())
		stops[name] = stop
		_, err := msg.RegisterWorker.Call(t.Context(), conn, p2p.RegisterWorkerRequest{Capacity: 1})
		require.NoError(t, err)
	}
	require.ElementsMatch(t, []string{"worker.1", "worker.2"}, m.registered())
	stops["worker.1"]()
	require.Eventually(t, func() bool { return len(b.Broker.Stats()) == 2 }, 30*time.Second, time.Millisecond)

	require.NoError(t, m.watch.Start(t.Context(), m.conn))
	require.Equal(t, []string{"worker.2"}, m.registered())
	require.Equal(t, 1, m.roster.FreeWorkers())
}

// TestARegistrationThatComesTooLateIsNotKept: the link has ended, and nobody
// would tell of that again.
func TestARegistrationThatComesTooLateIsNotKept(t *testing.T) {
	for _, watching := range []bool{false, true} {
		s := newShip(t, Config{})
		if watching {
			require.NoError(t, s.watch.Start(t.Context(), s.conn))
		}
		w := s.worker("worker.1", 1)
		require.Equal(t, []string{"worker.1"}, s.registered())
		w.stop()
		require.Eventually(t, func() bool { return len(s.bus.Broker.Stats()) == 2 }, 30*time.Second, time.Millisecond)
		s.workerGone("worker.1")
		_, err := registrar{s.manager}.registerAs(t.Context(), "worker.1", p2p.RegisterWorkerRequest{Capacity: 1})
		require.ErrorIs(t, err, &bus.Error{Kind: msg.KindUnknownWorker})
		require.Empty(t, s.registered())
		require.Zero(t, s.roster.FreeWorkers())
	}
}

// TestARegistrationThatIsGivenUpIsNotKept: its worker would register again.
func TestARegistrationThatIsGivenUpIsNotKept(t *testing.T) {
	s := newShip(t, Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := registrar{s.manager}.registerAs(ctx, "worker.1", p2p.RegisterWorkerRequest{Capacity: 1})
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, s.registered())
}

// TestWhatAWorkerThatTheWatchHasToldOfLeavesIsGivenBack.
func TestWhatAWorkerThatTheWatchHasToldOfLeavesIsGivenBack(t *testing.T) {
	s := newShip(t, Config{})
	require.NoError(t, s.watch.Start(t.Context(), s.conn))
	w := s.worker("worker.1", 1)
	require.True(t, s.there["worker.1"])
	w.stop()
	require.Eventually(t, func() bool {
		require.NoError(t, s.watch.Refresh(t.Context()))
		return len(s.registered()) == 0
	}, 30*time.Second, time.Millisecond)
	require.Empty(t, s.there)
}

// TestAnOrderToLeaveOutlivesARegistration: the order waits in a queue that a
// registration replaces, and the command that gave it has answered.
func TestAnOrderToLeaveOutlivesARegistration(t *testing.T) {
	for method, args := range map[string]string{"disconnectnode": `["10.0.0.1:5"]`, "setnetworkactive": `[false]`} {
		s := newShip(t, Config{})
		w := s.worker("worker.1", 0)
		id := w.accept("10.0.0.1:5")
		s.succeeds(method, args)
		w.registerAgain(p2p.OpenInfo{Peer: id, Kind: p2p.Inbound, Name: "10.0.0.1:5", Remote: "10.0.0.1:5", Local: "127.0.0.1:8333"})
		orders := w.orders()
		require.Len(t, orders, 1, method)
		require.Equal(t, id, orders[0].Disconnect.Peer)
	}
}

func TestNothingThatAWorkerBringsStaysWhileNetworkingIsOff(t *testing.T) {
	s := newShip(t, Config{NetworkInactive: true})
	w := s.worker("worker.1", 0, p2p.OpenInfo{Peer: 3, Kind: p2p.Inbound, Remote: "10.0.0.1:5", Local: "127.0.0.1:8333"})
	require.Len(t, w.orders(), 1)
}

func TestADialOfALostWorkerEndsWhileNetworkingIsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShip(t, Config{})
		a := s.worker("worker.a", 0)
		asked := concurrently(t.Context(), func(context.Context) error {
			_, err := s.ask("addnode", `["1.2.3.4:8333","onetry"]`)
			return err
		})
		require.NotNil(t, a.orders()[0].Dial)
		b := s.worker("worker.b", 0)
		s.succeeds("setnetworkactive", `[false]`)
		s.workerGone("worker.a")
		s.succeeds("setnetworkactive", `[true]`)
		s.succeeds("ping", `[]`)
		orders := b.orders()
		require.Len(t, orders, 1)
		require.NotNil(t, orders[0].Ping, "and no dial before it")
		require.NoError(t, <-asked)
	})
}

// TestAFullWorkerDoesNotEndTheDialOfAnother: nor the wait of who asked for it.
func TestAFullWorkerDoesNotEndTheDialOfAnother(t *testing.T) {
	s := newShip(t, Config{})
	good, full := s.worker("worker.1", 0), s.worker("worker.2", 1)
	full.accept("10.0.0.1:5")
	asked := concurrently(t.Context(), func(context.Context) error {
		_, err := s.ask("addnode", `["1.2.3.4:8333","onetry"]`)
		return err
	})
	dial := good.orders()[0].Dial
	require.NotNil(t, dial)
	require.Equal(t, string(roster.NoDial), full.open("9.9.9.9:1", dial.ID).Refused)
	s.mu.Lock()
	require.Contains(t, s.dialling, dial.ID)
	s.mu.Unlock()
	require.Empty(t, good.open("1.2.3.4:8333", dial.ID).Refused)
	require.NoError(t, <-asked)
}

// TestAWorkerIsNotBelievedMoreThanItCanKnow: not numbers that leave none for
// others, not more connections than a worker has.
func TestAWorkerIsNotBelievedMoreThanItCanKnow(t *testing.T) {
	s := newShip(t, Config{})
	inbound := func(id int64) p2p.OpenInfo {
		return p2p.OpenInfo{Peer: id, Kind: p2p.Inbound, Remote: "10.0.0.1:5", Local: "10.0.0.9:8333"}
	}
	w := s.worker("worker.1", 0, inbound(7), inbound(math.MaxInt64-1), inbound(-1))
	require.Len(t, s.roster.Peers(), 1)
	require.EqualValues(t, 8, w.accept("10.0.0.2:5"))
	_, err := msg.RegisterWorker.Call(t.Context(), w.conn, p2p.RegisterWorkerRequest{Open: make([]p2p.OpenInfo, p2p.MaxPeers+1)})
	require.ErrorIs(t, err, &bus.Error{Kind: bus.KindBadMessage})
}

// Of connections that a worker does not bring again nothing is kept: they have ended. Of
// those that it brings, what was counted is not counted again.
func TestAWorkerThatRegistersAgain(t *testing.T) {
	s := newShip(t, Config{UploadTarget: 1 << 40})
	w := s.worker("worker.1", 0)
	stays, goes := w.accept("10.0.0.1:5"), w.accept("10.0.0.2:5")
	count := func() {
		_, err := msg.Of(p2p.CountUpload).Call(t.Context(), w.conn, p2p.CountUploadRequest{Peer: stays, Sent: 1000})
		require.NoError(t, err)
	}
	count()
	s.succeeds("setthrottle", fmt.Sprintf(`["peer", 5, 6, %d]`, stays))
	s.bans.Discourage(p2p.ParseEndpoint("10.0.0.1:5").Host)
	w.registerAgain(p2p.OpenInfo{Peer: stays, Kind: p2p.Inbound, Name: "10.0.0.1:5", Remote: "10.0.0.1:5", Local: "127.0.0.1:8333"})
	count()
	require.EqualValues(t, 1000, s.uploads.sent)
	require.Equal(t, p2p.Rates{5, 6}, s.ledger.Peer(stays))
	require.Len(t, s.facts, 1)
	require.Len(t, s.past, 1)
	require.Equal(t, goes, s.past[0].ID)
	require.Equal(t, string(p2p.WorkerGone), s.past[0].Reason)
	require.False(t, s.ledger.SetPeer(goes, p2p.Rates{}), "it has no account")
	p, _ := s.roster.Peer(stays)
	require.True(t, p.Discouraged)
}

// A manager that is started again dials nobody before the workers that are there have told
// whom they are connected to; one that tells nothing keeps it waiting for a while only.
func TestANewManagerWaitsForTheWorkersThatAreThere(t *testing.T) {
	for name, returns := range map[string]bool{"they return": true, "they do not": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newShip(t, Config{Connect: []string{"1.2.3.4:8333"}, Automatic: false})
				held, _ := s.bus.Conn(roles.Worker, "worker.1", bus.NewMux())
				free := s.worker("worker.2", 0)
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- s.keepTime(ctx) }()
				synctest.Wait()
				began := time.Now()
				if returns {
					time.AfterFunc(time.Second, func() {
						_, err := msg.RegisterWorker.Call(context.Background(), held, p2p.RegisterWorkerRequest{
							Open: []p2p.OpenInfo{{Peer: 5, Kind: p2p.Manual, Name: "1.2.3.4:8333", Remote: "1.2.3.4:8333", Ready: true}}})
						require.NoError(t, err)
					})
				}
				orders := free.orders()
				if returns {
					require.Empty(t, orders, "it is connected to")
				} else {
					require.Len(t, orders, 1)
					require.Equal(t, "1.2.3.4:8333", orders[0].Dial.Target)
					require.Equal(t, reunionPatience, time.Since(began))
				}
				cancel()
				require.ErrorIs(t, <-ended, context.Canceled)
			})
		})
	}
}

// Workers that are too many by the plan are told to leave after their last connection,
// also when they register again, and by a manager that learns of the plan later.
func TestWorkersThatAreTooMany(t *testing.T) {
	s := newShip(t, Config{})
	plan := msg.WorkerPlanBody{Count: 1, Leaving: []string{"worker.1"}}
	mux := bus.NewMux()
	msg.SetWorkerPlan.Handle(mux, func(_ context.Context, asked msg.WorkerPlanBody) (msg.WorkerPlanBody, error) {
		require.Equal(t, msg.WorkerPlanBody{Count: 1}, asked)
		return plan, nil
	})
	msg.WorkerPlan.Handle(mux, func(context.Context, bus.None) (msg.WorkerPlanBody, error) { return plan, nil })
	s.bus.Conn(roles.Supervisor, "supervisor", mux)
	w, other := s.worker("worker.1", 0), s.worker("worker.2", 0)
	stays := w.accept("10.0.0.1:5")
	require.Equal(t, leavingWorkers{1}, s.succeeds("setworkers", `[1]`))
	leave := &p2p.LeaveOrder{AfterLast: true}
	orders := w.orders()
	require.Len(t, orders, 1)
	require.Equal(t, leave, orders[0].Leave)

	w.registerAgain(p2p.OpenInfo{Peer: stays, Kind: p2p.Inbound, Name: "10.0.0.1:5", Remote: "10.0.0.1:5", Local: "127.0.0.1:8333"},
		p2p.OpenInfo{Peer: stays + 1, Kind: p2p.FullRelay, Name: "10.0.0.2:5", Remote: "10.0.0.2:5"})
	orders = w.orders()
	require.Len(t, orders, 2)
	require.Equal(t, stays+1, orders[0].Disconnect.Peer)
	require.Equal(t, p2p.WorkerLeaves, orders[0].Disconnect.Code)
	require.Equal(t, leave, orders[1].Leave)
	s.learnPlan(t.Context())
	orders = w.orders()
	require.Len(t, orders, 1)
	require.Equal(t, leave, orders[0].Leave)
	s.succeeds("ping", `[]`)
	orders = other.orders()
	require.Len(t, orders, 1, "it is not told to leave")
	require.NotNil(t, orders[0].Ping)
}
