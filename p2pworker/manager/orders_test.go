package manager

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

func send(bytes int) p2p.WorkerOrder {
	return p2p.WorkerOrder{Send: &p2p.SendOrder{Payload: make([]byte, bytes)}}
}

func TestOneReplyHoldsSoManyOrders(t *testing.T) {
	q := newOrderQueue()
	for i := range uint64(p2p.MaxOrders + 1) {
		q.add(p2p.WorkerOrder{Seq: 1 + i, Ping: &p2p.PingOrder{}})
	}
	first := q.next()
	require.Len(t, first, p2p.MaxOrders)
	require.Equal(t, first, q.next(), "what was not acknowledged is told again")
	q.acknowledge(first[p2p.MaxOrders-1].Seq)
	rest := q.next()
	require.Len(t, rest, 1)
	require.EqualValues(t, p2p.MaxOrders+1, rest[0].Seq)
	q.acknowledge(rest[0].Seq)
	require.Empty(t, q.next())
}

func TestOneReplyHoldsSoManyBytes(t *testing.T) {
	const whole, half = p2p.MaxOrderBytes, p2p.MaxOrderBytes / 2
	for _, tt := range []struct {
		sizes []int
		first int // how many orders the first reply has
	}{
		{[]int{half, half, 1}, 2},
		{[]int{half, half + 1}, 1},
		{[]int{whole + 1, 1}, 1}, // a single order is never held back
		{[]int{1, whole}, 1},
		{[]int{0, 0, whole, 0}, 4},
	} {
		q := newOrderQueue()
		for _, n := range tt.sizes {
			q.add(send(n))
		}
		require.Len(t, q.next(), tt.first, "%v", tt.sizes)
	}
}

// Addresses that are passed on count as well, whoever let them into the queue.
func TestRelaysCountAgainstTheBytesOfAReply(t *testing.T) {
	q := newOrderQueue()
	for range 3 {
		q.add(p2p.WorkerOrder{Relay: &p2p.RelayOrder{Addresses: []p2p.NetAddr{{Host: make([]byte, p2p.MaxOrderBytes/2)}}}})
	}
	require.Len(t, q.next(), 2)
}

// TestAStuckWorkerCountsAsGone when no more orders fit: its dials are others', and
// so are its slots. It registers again when it is stuck no longer.
func TestAStuckWorkerCountsAsGone(t *testing.T) {
	var log bytes.Buffer
	s := newShip(t, Config{Regtest: true})
	s.env.Logger = slog.New(slog.NewTextHandler(&log, nil))
	stuck := s.worker("worker.1", 0)
	s.mu.Lock()
	_, orders, _ := s.roster.Dial("1.2.3.4:8333", p2p.FullRelay, false)
	s.dispatch(orders)
	s.mu.Unlock()
	peer := stuck.accept("10.0.0.1:5")
	other := s.worker("worker.2", 0)
	for range maxOrders - 1 {
		s.succeeds("ping", `[]`)
		other.orders()
	}
	require.Len(t, s.queues["worker.1"].orders, maxOrders)
	require.Empty(t, log.String())
	s.fails(rpc.MiscError, "Error: Could not send message to peer", "sendmsgtopeer", fmt.Sprintf(`[%d,"addr","0102"]`, peer))
	require.Equal(t, []string{"worker.2"}, s.registered())
	require.NotContains(t, s.facts, peer)
	require.Equal(t, "1.2.3.4:8333", other.orders()[0].Dial.Target)
	s.succeeds("ping", `[]`)
	require.Equal(t, 1, strings.Count(log.String(), "worker.1 has not fetched its last 10000 orders: it counts as gone"))

	_, err := msg.NextOrders.Call(t.Context(), stuck.conn, p2p.NextOrdersRequest{})
	require.ErrorIs(t, err, &bus.Error{Kind: msg.KindUnknownWorker})
	_, err = msg.RegisterWorker.Call(t.Context(), stuck.conn, p2p.RegisterWorkerRequest{Open: []p2p.OpenInfo{
		{Peer: peer, Kind: p2p.Inbound, Name: "10.0.0.1:5", Remote: "10.0.0.1:5", Local: "127.0.0.1:8333"}}})
	require.NoError(t, err)
	require.Contains(t, s.facts, peer)
}

// TestAddressesThatAreToldMakeNobodyStuck: they are left out when there is much
// to do.
func TestAddressesThatAreToldMakeNobodyStuck(t *testing.T) {
	s := newShip(t, Config{})
	hostile, busy := s.worker("worker.1", 0), s.worker("worker.2", 0)
	peer := hostile.accept("10.0.0.1:5")
	busy.accept("10.0.0.2:5")
	var fresh []p2p.NetAddr
	for i := range maxPassedOn {
		fresh = append(fresh, address(i))
	}
	for range maxOrders/maxPassedOn + 2 {
		hostile.tell(p2p.AddAddressesRequest{Peer: peer, Relay: fresh})
	}
	hostile.tell(p2p.AddAddressesRequest{Peer: peer, Relay: make([]p2p.NetAddr, maxGossip+1)})
	require.ElementsMatch(t, []string{"worker.1", "worker.2"}, s.registered())
	require.Len(t, s.queues["worker.2"].orders, maxRelays)
}

// TestWhatWasAcknowledgedBeforeIsNoneOfTheOrdersSince: a worker registers again,
// with another poll under way that acknowledges what it had got.
func TestWhatWasAcknowledgedBeforeIsNoneOfTheOrdersSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShip(t, Config{})
		w := s.worker("worker.1", 0)
		s.succeeds("ping", `[]`)
		s.succeeds("ping", `[]`)
		require.Len(t, w.orders(), 2)
		late := concurrently(t.Context(), func(context.Context) []p2p.WorkerOrder { return w.orders() })
		synctest.Wait()
		_, err := msg.RegisterWorker.Call(t.Context(), w.conn, p2p.RegisterWorkerRequest{})
		require.NoError(t, err)
		s.succeeds("ping", `[]`)
		require.Len(t, <-late, 1)
		next, err := newManager(s.env, s.cfg)
		require.NoError(t, err)
		require.Greater(t, next.lastOrder, w.ack, "also when the manager is another one")
	})
}

func TestOrdersAreRepeatedUntilTheyAreAcknowledged(t *testing.T) {
	s := newShip(t, Config{})
	w := s.worker("worker.1", 0)
	s.succeeds("ping", `[]`)
	s.succeeds("ping", `[]`)
	first := w.orders()
	require.Len(t, first, 2)
	require.NotNil(t, first[0].Ping)
	w.ack = first[0].Seq
	require.Equal(t, first[1:], w.orders())
	s.succeeds("ping", `[]`)
	require.Len(t, w.orders(), 1)
}

// TestAWorkerWaitsForOrders: until there are some, or for PollSeconds.
func TestAWorkerWaitsForOrders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShip(t, Config{})
		w := s.worker("worker.1", 0)
		poll := func(context.Context) []p2p.WorkerOrder { return w.orders() }
		answer := concurrently(t.Context(), poll)
		synctest.Wait()
		require.Empty(t, answer)
		began := time.Now()
		s.succeeds("ping", `[]`)
		require.Len(t, <-answer, 1)
		require.Zero(t, time.Since(began))
		require.Empty(t, <-concurrently(t.Context(), poll))
		require.Equal(t, msg.PollSeconds*time.Second, time.Since(began))
	})
}

func TestAWorkerThatIsNotKnownHasToRegister(t *testing.T) {
	s := newShip(t, Config{})
	conn, _ := s.bus.Conn(roles.Worker, "worker.1", bus.NewMux())
	w := &worker{t: t, conn: conn}
	_, err := msg.NextOrders.Call(t.Context(), conn, p2p.NextOrdersRequest{})
	require.ErrorIs(t, err, &bus.Error{Kind: msg.KindUnknownWorker})
	_, err = msg.OpenPeer.Call(t.Context(), conn, p2p.OpenPeerRequest{Remote: "1.2.3.4:5"})
	require.ErrorIs(t, err, &bus.Error{Kind: msg.KindUnknownWorker})
	_, err = msg.RegisterWorker.Call(t.Context(), conn, p2p.RegisterWorkerRequest{})
	require.NoError(t, err)
	require.Empty(t, w.open("1.2.3.4:5", 0).Refused)
}

// TestAllWorkersShareANonceKey, also over a restart of the manager.
func TestAllWorkersShareANonceKey(t *testing.T) {
	register := func(s *ship, name string, key []byte) []byte {
		conn, _ := s.bus.Conn(roles.Worker, name, bus.NewMux())
		rep, err := msg.RegisterWorker.Call(t.Context(), conn, p2p.RegisterWorkerRequest{NonceKey: key})
		require.NoError(t, err)
		return rep.NonceKey
	}
	s := newShip(t, Config{})
	key := register(s, "worker.1", nil)
	require.Len(t, key, 32)
	require.Equal(t, key, register(s, "worker.2", make([]byte, 32)), "the first worker has the key already")
	restarted := newShip(t, Config{})
	require.Equal(t, key, register(restarted, "worker.1", key))
	require.NotEqual(t, []byte{1}, register(newShip(t, Config{}), "worker.1", []byte{1}))
}

// TestAWorkerThatRegistersAgainKeepsItsConnections, with what -whitelist grants.
func TestAWorkerThatRegistersAgainKeepsItsConnections(t *testing.T) {
	s := newShip(t, Config{Whitelist: []string{"addr@10.0.0.1"}, AddNode: []string{"1.2.3.4:8333"}})
	s.worker("worker.1", 0,
		p2p.OpenInfo{Peer: 7, Kind: p2p.Manual, Name: "1.2.3.4:8333", Remote: "1.2.3.4:8333", Local: "10.0.0.9:5", Opened: mockTime - 60, Ready: true},
		p2p.OpenInfo{Peer: 9, Kind: p2p.Inbound, Name: "10.0.0.1:5", Remote: "10.0.0.1:5", Local: "10.0.0.9:8333"})
	require.Equal(t, 2, s.succeeds("getconnectioncount", `[]`))
	require.Equal(t, p2p.Addr, s.facts[9].permissions)
	require.Equal(t, []addedNode{{Node: "1.2.3.4:8333", Connected: true, Addresses: []addedConnection{{"1.2.3.4:8333", "outbound"}}}},
		s.succeeds("getaddednodeinfo", `[]`))
	require.EqualValues(t, 10, s.worker("worker.2", 0).accept("10.0.0.2:5"), "numbers go on")
}

// TestWhatAWorkerLeftUndoneGoesToAnother when its link ends.
func TestWhatAWorkerLeftUndoneGoesToAnother(t *testing.T) {
	s := newShip(t, Config{})
	w1, w2 := s.worker("worker.1", 0), s.worker("worker.2", 0)
	peer := w1.accept("10.0.0.1:5")
	s.mu.Lock()
	_, orders, ok := s.roster.Dial("1.2.3.4:8333", p2p.Manual, false)
	s.dispatch(orders)
	s.mu.Unlock()
	require.True(t, ok)
	require.Equal(t, "1.2.3.4:8333", w2.orders()[0].Dial.Target, "the other one has a connection already")
	s.workerGone("worker.2")
	require.Equal(t, "1.2.3.4:8333", w1.orders()[0].Dial.Target)
	s.workerGone("worker.1")
	s.workerGone("worker.1")
	require.Empty(t, s.registered())
	require.NotContains(t, s.facts, peer)
	require.Equal(t, 0, s.succeeds("getconnectioncount", `[]`))
	_, err := msg.NextOrders.Call(t.Context(), w1.conn, p2p.NextOrdersRequest{})
	require.ErrorIs(t, err, &bus.Error{Kind: msg.KindUnknownWorker})
}
