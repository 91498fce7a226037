package manager

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// Every end of a connection is remembered with its reason: what the manager wished,
// what the worker tells, and the end of the worker itself.
func TestWhyConnectionsHaveEnded(t *testing.T) {
	s := newShip(t, Config{})
	w := s.worker("worker.1", 0)
	kicked, silent, lost := w.accept("1.2.3.4:1000"), w.accept("1.2.3.5:1000"), w.accept("1.2.3.6:1000")
	s.succeeds("disconnectnode", fmt.Sprintf(`["", %d]`, kicked))
	w.close(p2p.ClosePeerRequest{Peer: kicked, Code: p2p.PingTimeout, Reason: "whatever"})
	w.close(p2p.ClosePeerRequest{Peer: silent, Code: p2p.PingTimeout, Reason: "ping timeout: 7s",
		Report: p2p.PeerReport{BytesSent: 5, BytesReceived: 6, LastSent: []string{"ping"}, LastReceived: []string{"pong", "tx"}}})
	s.workerGone("worker.1")
	require.Zero(t, s.roster.Count(p2p.Inbound))
	list := s.succeeds("getpeerhistory", `[]`).([]pastPeer)
	require.Len(t, list, 3)
	require.Equal(t, lost, list[0].ID)
	require.Equal(t, string(p2p.WorkerGone), list[0].Reason)
	require.Equal(t, pastPeer{ID: silent, Addr: "1.2.3.5:1000", Network: "ipv4", Inbound: true, Type: "inbound", Connected: mockTime, Ended: mockTime,
		Reason: "ping-timeout", Text: "ping timeout: 7s", Sent: 5, Received: 6, LastSent: []string{"ping"}, LastRecv: []string{"pong", "tx"}}, list[1])
	require.Equal(t, string(p2p.EndedByUser), list[2].Reason)
	require.Len(t, s.succeeds("getpeerhistory", `[1]`), 1)
	require.Len(t, s.succeeds("getpeerhistory", `{"reason": "user"}`), 1)
	s.fails(rpc.InvalidParameter, "Error: Unknown reason", "getpeerhistory", `[1, "x"]`)
	s.fails(rpc.InvalidParameter, "Negative count", "getpeerhistory", `[-1]`)
}

// What a worker tells of an end may be anything; what is kept of it is bounded.
func TestHistoryIsBounded(t *testing.T) {
	s := newShip(t, Config{})
	w := s.worker("worker.1", 0)
	for range maxHistory + 5 {
		w.close(p2p.ClosePeerRequest{Peer: w.accept("1.2.3.4:1000"), Code: "because\n", Reason: strings.Repeat("x\x00", 1000),
			Report: p2p.PeerReport{UserAgent: strings.Repeat("y", 1000), LastSent: []string{strings.Repeat("z", 50), "", "", "", "", "", "", "", "", ""}}})
	}
	list := s.succeeds("getpeerhistory", fmt.Sprintf(`[%d]`, 2*maxHistory)).([]pastPeer)
	require.Len(t, list, maxHistory)
	require.Equal(t, string(p2p.ReasonUntold), list[0].Reason)
	require.Equal(t, strings.Repeat("x", maxReasonText), list[0].Text)
	require.Len(t, list[0].SubVer, maxReasonText)
	require.Len(t, list[0].LastSent, p2p.MaxLastTypes)
	require.Len(t, list[0].LastSent[0], maxMessageType)
	require.Len(t, s.news, maxNews)
}

// What a worker calls a connection that it brings is kept only if it may be its name; one
// of no kind is not taken over.
func TestWhatAWorkerCallsItsConnections(t *testing.T) {
	s := newShip(t, Config{})
	w := s.worker("worker.1", 0)
	longest := strings.Repeat("x", 255) + ":65535"
	for name, kept := range map[string]string{"example.com:8333": "example.com:8333", longest: longest, longest + "0": "1.2.3.4:1", "a\x00b": "1.2.3.4:1", "": "1.2.3.4:1"} {
		w.registerAgain(p2p.OpenInfo{Peer: 3, Kind: p2p.Manual, Name: name, Remote: "1.2.3.4:1"}, p2p.OpenInfo{Peer: 4, Kind: "nonsense", Remote: "1.2.3.4:1"})
		w.close(p2p.ClosePeerRequest{Peer: 3})
		w.close(p2p.ClosePeerRequest{Peer: 4})
		require.Equal(t, kept, s.past[len(s.past)-1].Addr)
	}
	require.Len(t, s.past, 5)
}

// Programs that are attached hear of every end; workers may not.
func TestEndsArePublished(t *testing.T) {
	s := newShip(t, Config{})
	w := s.worker("worker.1", 0)
	client, _ := s.bus.Conn(roles.Client, "client", nil)
	sub, err := client.Subscribe(t.Context(), msg.PeerClosed.Name())
	require.NoError(t, err)
	defer sub.Close()
	_, err = w.conn.Subscribe(t.Context(), msg.PeerClosed.Name())
	require.Error(t, err)
	w.close(p2p.ClosePeerRequest{Peer: w.accept("1.2.3.4:1000"), Code: p2p.EndedByPeer})
	require.NoError(t, msg.PeerClosed.Publish(t.Context(), s.conn, <-s.news))
	heard, err := sub.Next(t.Context())
	require.NoError(t, err)
	event, err := msg.PeerClosed.Decode(heard)
	require.NoError(t, err)
	require.Equal(t, p2p.PeerClosedEvent{Kind: p2p.Inbound, Address: "1.2.3.4:1000", Opened: mockTime, Closed: mockTime, Reason: p2p.EndedByPeer}, event)
}
