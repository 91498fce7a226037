package manager

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

func limited(total int) *int { return &total }

func TestBannedAddressesMayNotComeIn(t *testing.T) {
	s := newShip(t, Config{Whitelist: []string{"noban@10.0.0.2"}})
	w := s.worker("worker.1", 0)
	s.succeeds("setban", `["10.0.0.0/24","add"]`)
	require.Equal(t, "(banned)", w.open("10.0.0.1:5", 0).Refused)
	require.Equal(t, "(banned)", w.open("[::ffff:10.0.0.1]:5", 0).Refused)
	require.Empty(t, w.open("10.0.0.2:5", 0).Refused, "it has the permission")
	require.Empty(t, w.open("10.0.1.1:5", 0).Refused)
	s.env.Clock.SetMock(mockTime + 24*3600)
	require.Empty(t, w.open("10.0.0.1:5", 0).Refused, "the ban has ended")
}

// TestDiscouragedAddressesComeInWhileThereIsRoom: 13 are 11 for us and two to come in.
func TestDiscouragedAddressesComeInWhileThereIsRoom(t *testing.T) {
	s := newShip(t, Config{MaxConnections: limited(13)})
	w := s.worker("worker.1", 0)
	bad := w.accept("10.0.0.1:5")
	w.close(p2p.ClosePeerRequest{Peer: bad, Discourage: true})
	again := w.accept("10.0.0.1:6")
	require.Equal(t, "(discouraged)", w.open("10.0.0.1:7", 0).Refused, "the last room is for others")
	w.close(p2p.ClosePeerRequest{Peer: again})
	w.accept("10.0.0.1:8")
}

// TestTheEndOfADiscouragedPeerEndsTheOthersOfItsAddress but those that the user asked for.
func TestTheEndOfADiscouragedPeerEndsTheOthersOfItsAddress(t *testing.T) {
	s := newShip(t, Config{Whitelist: []string{"noban@10.0.0.9"}})
	w := s.worker("worker.1", 0)
	bad, same, other := w.accept("10.0.0.1:5"), w.accept("10.0.0.1:6"), w.accept("10.0.0.2:5")
	w.close(p2p.ClosePeerRequest{Peer: bad, Discourage: true})
	require.Equal(t, []p2p.WorkerOrder{{Seq: 1, Disconnect: &p2p.DisconnectOrder{Peer: same, Reason: "discouraged", Code: p2p.EndedByDiscouragement}}}, w.orders())
	w.close(p2p.ClosePeerRequest{Peer: bad, Discourage: true})
	w.close(p2p.ClosePeerRequest{Peer: same})
	require.Len(t, s.facts, 1)
	require.Contains(t, s.facts, other)
}

// TestPeersByTorSpeakForThemselves: they all have this machine's address, and those by a
// proxy's name none.
func TestPeersByTorSpeakForThemselves(t *testing.T) {
	s := newShip(t, Config{MaxConnections: limited(13)})
	w := s.worker("worker.1", 0)
	for _, remote := range []string{"127.0.0.1:5", ""} {
		bad := w.accept(remote)
		other := w.accept(remote)
		w.close(p2p.ClosePeerRequest{Peer: bad, Discourage: true})
		require.Empty(t, s.queues["worker.1"].orders, "the other stays")
		require.Empty(t, w.open(remote, 0).Refused)
		s.roster.Close(s.now(), other)
		s.roster.Close(s.now(), other+1)
	}
}

func TestFullSlots(t *testing.T) {
	s := newShip(t, Config{MaxConnections: limited(12), Whitelist: []string{"noban@10.0.0.0/24"}})
	w := s.worker("worker.1", 0)
	w.accept("10.0.0.1:5")
	require.Equal(t, "full", w.open("10.0.0.2:5", 0).Refused, "one that may not be banned is not pushed out")

	s = newShip(t, Config{NetworkInactive: true})
	require.Equal(t, "not accepting new connections", s.worker("worker.1", 0).open("10.0.0.1:5", 0).Refused)
}

func TestAConnectionNobodyAskedForIsRefused(t *testing.T) {
	s := newShip(t, Config{})
	require.Equal(t, "unknown dial", s.worker("worker.1", 0).open("1.2.3.4:8333", 77).Refused)
}

// TestADialThatACommandWaitsFor ends with its success, its failure, or in time.
func TestADialThatACommandWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShip(t, Config{})
		w := s.worker("worker.1", 0)
		onetry := func(target string) (<-chan error, p2p.DialOrder) {
			done := concurrently(t.Context(), func(context.Context) error {
				_, err := s.ask("addnode", fmt.Sprintf(`["%s","onetry"]`, target))
				return err
			})
			return done, *w.orders()[0].Dial
		}
		began := time.Now()
		done, dial := onetry("1.2.3.4:8333")
		require.Equal(t, p2p.Manual, dial.Kind)
		synctest.Wait()
		require.Empty(t, done, "it waits")
		rep := w.open("1.2.3.4:8333", dial.ID)
		require.NoError(t, <-done)
		require.Equal(t, "1.2.3.4:8333", rep.Name)
		require.NoError(t, <-concurrently(t.Context(), func(context.Context) error {
			_, err := s.ask("addnode", `["1.2.3.4:8333","onetry"]`)
			return err
		}), "there is one already")

		done, dial = onetry("5.6.7.8:8333")
		_, err := msg.DialFailed.Call(t.Context(), w.conn, p2p.DialFailedRequest{Dial: dial.ID, Text: "refused"})
		require.NoError(t, err)
		require.NoError(t, <-done)
		require.Zero(t, time.Since(began))

		done, _ = onetry("5.6.7.9:8333")
		require.NoError(t, <-done)
		require.Equal(t, dialPatience, time.Since(began))
		require.Empty(t, s.dialling, "nothing is left of those that waited")
	})
}

func TestABusyWorkerHandsItsDialOn(t *testing.T) {
	s := newShip(t, Config{AddNode: []string{"1.2.3.4:8333"}})
	w1 := s.worker("worker.1", 1)
	s.mu.Lock()
	s.dispatch(s.roster.Tick(s.now()))
	s.mu.Unlock()
	dial := w1.orders()[0].Dial
	w1.accept("10.0.0.1:5")
	w2 := s.worker("worker.2", 1)
	_, err := msg.DialFailed.Call(t.Context(), w1.conn, p2p.DialFailedRequest{Dial: dial.ID, Busy: true})
	require.NoError(t, err)
	require.Equal(t, dial, w2.orders()[0].Dial)
}

func TestCommandsAboutConnections(t *testing.T) {
	s := newShip(t, Config{})
	w := s.worker("worker.1", 0)
	peer := w.accept("10.0.0.1:5")
	s.fails(invalidParams, "Only one of address and nodeid should be provided.", "disconnectnode", `["10.0.0.1:5",0]`)
	s.fails(rpc.NodeNotConnected, "Node not found in connected nodes", "disconnectnode", `["10.0.0.2:5"]`)
	s.fails(rpc.NodeNotConnected, "Node not found in connected nodes", "disconnectnode", `["",99]`)
	s.fails(rpc.InvalidParameter, "Error: msg_type too long, max length is 12", "sendmsgtopeer", `[0,"abcdefghijklm","00"]`)
	s.fails(rpc.InvalidParameter, "Error parsing input for msg", "sendmsgtopeer", `[0,"addr","0"]`)
	s.fails(rpc.MiscError, "Error: Could not send message to peer", "sendmsgtopeer", `[5,"addr","00"]`)
	require.Equal(t, struct{}{}, s.succeeds("sendmsgtopeer", fmt.Sprintf(`[%d,"addr","0102"]`, peer)))
	require.Nil(t, s.succeeds("disconnectnode", `["10.0.0.1:5"]`))
	require.Nil(t, s.succeeds("disconnectnode", fmt.Sprintf(`["",%d]`, peer)), "it is on its way out")
	require.Equal(t, []p2p.WorkerOrder{
		{Seq: 1, Send: &p2p.SendOrder{Peer: peer, Type: "addr", Payload: []byte{1, 2}}},
		{Seq: 2, Disconnect: &p2p.DisconnectOrder{Peer: peer, Reason: "disconnect by address match", Code: p2p.EndedByUser}},
	}, w.orders())
}

func TestCommandsAboutAddedNodes(t *testing.T) {
	s := newShip(t, Config{})
	s.fails(rpc.InvalidParameter, "Error: Node address cannot be empty", "addnode", `[" ","add"]`)
	s.fails(rpc.InvalidParameter, "Error: v2transport requested but not enabled (see -v2transport)", "addnode", `["1.2.3.4","add",true]`)
	s.fails(rpc.ClientNodeNotAdded, "Error: Node could not be removed. It has not been added previously.", "addnode", `["1.2.3.4","remove"]`)
	require.Nil(t, s.succeeds("addnode", `["1.2.3.4","add"]`))
	s.fails(rpc.ClientNodeAdded, "Error: Node already added", "addnode", `["1.2.3.4","add"]`)
	require.Equal(t, []addedNode{{Node: "1.2.3.4", Addresses: []addedConnection{}}}, s.succeeds("getaddednodeinfo", `["1.2.3.4"]`))
	s.fails(rpc.ClientNodeNotAdded, "Error: Node has not been added.", "getaddednodeinfo", `["5.6.7.8"]`)
	require.Nil(t, s.succeeds("addnode", `["1.2.3.4","remove"]`))
	require.Equal(t, []addedNode{}, s.succeeds("getaddednodeinfo", `[]`))
	s.fails(rpc.MiscError, "addconnection is for regression testing (-regtest mode) only.", "addconnection", `["1.2.3.4:5","feeler",false]`)
}

func TestTestConnectionsAreOfTheKindAskedFor(t *testing.T) {
	s := newShip(t, Config{Regtest: true, MaxConnections: limited(0)})
	s.fails(rpc.NodeCapacityReached, "Error: Already at capacity for specified connection type.", "addconnection", `["1.2.3.4:5","outbound-full-relay",false]`)
	s.fails(rpc.InvalidParameter, "Error: Adding v2transport connections requires -v2transport init flag to be set.", "addconnection", `["1.2.3.4:5","feeler",true]`)
	s.fails(rpc.InvalidParameter, "addconnection \"address\" \"connection_type\" v2transport\n", "addconnection", `["1.2.3.4:5","manual",false]`)
	synctest.Test(t, func(t *testing.T) {
		s := newShip(t, Config{Regtest: true})
		w := s.worker("worker.1", 0)
		done := concurrently(t.Context(), func(context.Context) error {
			_, err := s.ask("addconnection", `["1.2.3.4:5","block-relay-only",false]`)
			return err
		})
		dial := w.orders()[0].Dial
		require.Equal(t, p2p.BlockRelayOnly, dial.Kind)
		require.Equal(t, p2p.BlockRelayOnly, w.open("1.2.3.4:5", dial.ID).Kind)
		require.NoError(t, <-done)
	})
}

func TestSwitchingTheNetworkOffEndsConnections(t *testing.T) {
	s := newShip(t, Config{})
	w := s.worker("worker.1", 0)
	peer := w.accept("10.0.0.1:5")
	require.Equal(t, false, s.succeeds("setnetworkactive", `[false]`))
	require.Equal(t, &p2p.DisconnectOrder{Peer: peer, Reason: "Network not active", Code: p2p.EndedByInactiveNet}, w.orders()[0].Disconnect)
	require.Equal(t, true, s.succeeds("setnetworkactive", `[true]`))
	w.accept("10.0.0.1:6")
}

// TestAWorkerIsBelievedAboutItsOwnOnly: what it says of another's dials and
// connections changes nothing.
func TestAWorkerIsBelievedAboutItsOwnOnly(t *testing.T) {
	s := newShip(t, Config{Whitelist: []string{"addr@10.0.0.1"}})
	first := s.worker("worker.1", 0)
	peer := first.open("10.0.0.1:5", 0).Peer
	second := s.worker("worker.2", 1)
	s.mu.Lock()
	id, orders, ok := s.roster.Dial("1.2.3.4:8333", p2p.FullRelay, false)
	s.dispatch(orders)
	s.mu.Unlock()
	require.True(t, ok)
	require.Equal(t, id, second.orders()[0].Dial.ID)
	_, err := msg.DialFailed.Call(t.Context(), first.conn, p2p.DialFailedRequest{Dial: id})
	require.NoError(t, err)
	require.True(t, s.roster.Dialling(id))
	require.Equal(t, "unknown dial", first.open("1.2.3.4:8333", id).Refused)
	require.Empty(t, second.open("1.2.3.4:8333", id).Refused)

	_, err = msg.Of(p2p.IntroducePeer).Call(t.Context(), second.conn, p2p.IntroducePeerRequest{Peer: peer})
	require.NoError(t, err)
	p, _ := s.roster.Peer(peer)
	require.False(t, p.Ready)
	second.tell(p2p.AddAddressesRequest{Peer: peer, Addresses: []p2p.NetAddr{address(1)}})
	require.Zero(t, s.book.Len())
	first.tell(p2p.AddAddressesRequest{Peer: peer, Addresses: []p2p.NetAddr{address(1), address(2), address(3), address(4), address(5)}})
	require.NotZero(t, s.book.Len())
	require.Empty(t, second.gossip(peer))
	require.NotEmpty(t, first.gossip(peer))
	second.close(p2p.ClosePeerRequest{Peer: peer})
	_, there := s.roster.Peer(peer)
	require.True(t, there)
	_, err = msg.Of(p2p.IntroducePeer).Call(t.Context(), first.conn, p2p.IntroducePeerRequest{Peer: peer})
	require.NoError(t, err)
	p, _ = s.roster.Peer(peer)
	require.True(t, p.Ready)
}

// TestADialThatIsNeverAnsweredGivesItsSlotBack, after what -timeout allows and a
// minute.
func TestADialThatIsNeverAnsweredGivesItsSlotBack(t *testing.T) {
	s := newShip(t, Config{ConnectTimeout: 20 * time.Second, AddNode: []string{"1.2.3.4:8333"}})
	w := s.worker("worker.1", 0)
	tick := func(after time.Duration) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.dispatch(s.roster.Tick(s.now().Add(after)))
	}
	tick(0)
	dial := w.orders()[0].Dial
	tick(time.Second)
	tick(time.Second + 80*time.Second - 1)
	require.True(t, s.roster.Dialling(dial.ID))
	tick(time.Second + 80*time.Second)
	require.False(t, s.roster.Dialling(dial.ID))
	require.Equal(t, "unknown dial", w.open("1.2.3.4:8333", dial.ID).Refused, "it comes too late")
	tick(time.Second + 80*time.Second + time.Minute)
	again := w.orders()[0].Dial
	require.Equal(t, dial.Target, again.Target)
	require.Empty(t, w.open("1.2.3.4:8333", again.ID).Refused)
}
