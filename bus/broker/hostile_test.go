package broker_test

import (
	"fmt"
	"testing"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/broker"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/link"
	"github.com/bulkheadnode/bulkhead/bus/msg"
)

// seen is a header that arrived.
type seen struct {
	kind       codec.Kind
	id, credit uint64
	fault      string
}

// watcher is a handler that tells what arrives. It stops reading while nobody
// takes what it tells.
type watcher struct {
	heard chan seen
	over  <-chan struct{}
}

func (w watcher) Receive(m *link.Message) {
	if h, err := codec.DecodeHeader(m.Head()); err == nil {
		select {
		case w.heard <- seen{h.Kind, h.ID, h.Credit, string(h.Fault)}:
		case <-w.over:
		}
	}
}
func (watcher) Idle() {}

// until returns the next of a kind.
func (w watcher) until(t *testing.T, kind codec.Kind) seen {
	t.Helper()
	for {
		select {
		case s := <-w.heard:
			if s.kind == kind {
				return s
			}
		case <-w.over:
			require.FailNow(t, "nothing came")
		}
	}
}

// watch attaches a link that says hello and tells what arrives.
func watch(t *testing.T, b *bustest.Bus, role rights.Role, instance string, a codec.Announcement) (*link.Link, watcher, <-chan error) {
	t.Helper()
	l := link.New(b.Link(role, instance), false, link.Limits{})
	w, ended := watcher{make(chan seen), t.Context().Done()}, make(chan error, 1)
	go func() { ended <- l.Run(t.Context(), w) }()
	<-l.Ready()
	body, err := codec.Marshal(a)
	require.NoError(t, err)
	send(t, l, header(t, codec.Header{Kind: codec.Hello}), body)
	return l, w, ended
}

var stream = codec.Announcement{Offers: []string{"node.chain.count"}}

// TestAServerIsToldOfNoMoreCreditThanItIsHeldTo: or a caller could have it sent
// more than it may, and lose its link.
func TestAServerIsToldOfNoMoreCreditThanItIsHeldTo(t *testing.T) {
	b := bustest.New(t)
	_, server, _ := watch(t, b, roles.Node, "node", stream)
	server.until(t, codec.Welcome)
	caller, _, _ := watch(t, b, roles.Client, "client.1", codec.Announcement{})
	send(t, caller, header(t, codec.Header{Kind: codec.Call, ID: 1, To: stream.Offers[0], Credit: 1 << 40}), []byte{0xa0})
	send(t, caller, header(t, codec.Header{Kind: codec.Credit, ID: 1, Credit: 1 << 40}), []byte{0xa0})
	send(t, caller, header(t, codec.Header{Kind: codec.Cancel, ID: 1}), []byte{0xa0})
	const most = 1 << 20
	require.EqualValues(t, most, server.until(t, codec.Call).credit)
	require.Equal(t, codec.Cancel, (<-server.heard).kind, "no credit beyond it")
}

// TestAFloodOfCreditEndsTheStreamNotItsServer: who gives credit faster than a
// busy server reads it has the stream ended.
func TestAFloodOfCreditEndsTheStreamNotItsServer(t *testing.T) {
	table := bustest.Table()
	clients := table[roles.Client]
	clients.Messages, clients.Bytes = 0, 0 // what holds without rates is tried
	table[roles.Client] = clients
	b := bustest.NewWith(t, broker.Config{Table: table, Limits: link.Limits{QueueMessages: 16}})
	_, server, ended := watch(t, b, roles.Node, "node", stream)
	server.until(t, codec.Welcome)
	caller, answers, _ := watch(t, b, roles.Client, "client.1", codec.Announcement{})
	answers.until(t, codec.Welcome)
	send(t, caller, header(t, codec.Header{Kind: codec.Call, ID: 1, To: stream.Offers[0], Credit: 1}), []byte{0xa0})
	// Until the pipe to the server, who does not read, and the queue are full.
	flooded := make(chan struct{})
	go func() {
		defer close(flooded)
		credit, err := codec.EncodeHeader(&codec.Header{Kind: codec.Credit, ID: 1, Credit: 1})
		for range 60_000 {
			if err != nil {
				return
			}
			var mine bool
			if mine, err = caller.SendWait(t.Context(), credit, []byte{0xa0}, nil); mine {
				caller.Flush()
			}
		}
	}()
	require.Equal(t, "overloaded", answers.until(t, codec.Error).fault)
	<-flooded
	server.until(t, codec.Cancel)
	require.Empty(t, ended)
}

func TestTheRegistryFitsIntoAMessageWhateverIsAnnounced(t *testing.T) {
	b := bustest.New(t)
	_, _, ended := watch(t, b, roles.Client, "client.1", codec.Announcement{Meta: map[string][]byte{"x": {1}}})
	require.NoError(t, <-ended, "who offers nothing announces nothing: the broker closed the link")

	large := codec.Announcement{Meta: map[string][]byte{"x": make([]byte, 200<<10)}}
	accepted := 0
	for i := range 64 {
		_, w, ended := watch(t, b, roles.Wallet, fmt.Sprintf("wallet.%d.", i), large)
		select {
		case <-w.heard:
			accepted++
			continue
		case <-ended:
		}
		break
	}
	require.Equal(t, (4<<20)/(200<<10), accepted)
	gateway, _ := b.Conn(roles.Gateway, "gateway", nil)
	registry, err := msg.Registry.Call(t.Context(), gateway, bus.None{})
	require.NoError(t, err)
	require.Len(t, registry.Links, accepted+1)
}
