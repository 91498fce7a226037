package session

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/internal/multipart"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// bench runs one session by hand: it collects effects and answers requests
// only when told to.
type bench struct {
	t    *testing.T
	s    *Session
	now  time.Time
	sent []Send
	asks []Request
	logs []string
	gone *Disconnect
}

func inboundConfig() Config {
	seed := uint64(1)
	return Config{
		Peer: 0, Type: p2p.Inbound, Address: "10.0.0.1:8333", Services: wire.SFNodeNetwork | wire.SFNodeWitness,
		UserAgent: "/Bulkhead:0.1.0/", PeerTimeout: time.Minute, Nonce: 99, MinRelayFeeRate: 100,
		IsOwnNonce: func(n uint64) bool { return n == 99 },
		Random:     func() uint64 { seed = seed*6364136223846793005 + 1442695040888963407; return seed },
	}
}

func newBench(t *testing.T, cfg Config) *bench {
	b := &bench{t: t, s: New(cfg), now: time.Unix(1_700_000_000, 0)}
	b.step(Opened{})
	return b
}

func (b *bench) step(in Input) {
	for _, e := range b.s.Step(b.now, in) {
		switch e := e.(type) {
		case Send:
			b.sent = append(b.sent, e)
		case Request:
			b.asks = append(b.asks, e)
		case Log:
			b.logs = append(b.logs, e.Text)
		case Disconnect:
			b.gone = &e
		}
	}
}

func (b *bench) receive(messageType string, payload []byte) {
	b.step(Message{Type: messageType, Payload: payload, ReceivedAt: b.now})
}

func (b *bench) tickAfter(d time.Duration) {
	b.now = b.now.Add(d)
	b.step(Tick{LastSend: b.now, LastReceive: b.now})
}

// answer replies to the oldest request of the given type.
func answer[R any](b *bench, body any) R {
	b.t.Helper()
	for i, r := range b.asks {
		if req, ok := r.Body.(R); ok {
			b.asks = append(b.asks[:i], b.asks[i+1:]...)
			b.step(Reply{ID: r.ID, Body: body})
			return req
		}
	}
	var none R
	require.FailNowf(b.t, "not asked", "%T; asked: %v", none, b.asks)
	return none
}

func (b *bench) asked(kind any) bool {
	for _, r := range b.asks {
		if sameType(r.Body, kind) {
			return true
		}
	}
	return false
}

// types drains the types of the messages sent so far.
func (b *bench) types() (types []string) {
	for _, s := range b.sent {
		types = append(types, s.Type)
	}
	b.sent = nil
	return types
}

func (b *bench) logged(fragment string) {
	b.t.Helper()
	for _, l := range b.logs {
		if strings.Contains(l, fragment) {
			return
		}
	}
	require.Failf(b.t, "not logged", "%q in\n%s", fragment, strings.Join(b.logs, "\n"))
}

func versionMessage(version uint32, services wire.ServiceFlag, nonce uint64, relay bool) []byte {
	b := binary.LittleEndian.AppendUint32(nil, version)
	b = binary.LittleEndian.AppendUint64(b, uint64(services))
	b = binary.LittleEndian.AppendUint64(b, 1_700_000_000)
	b = append(b, make([]byte, 26+26)...)
	b = binary.LittleEndian.AppendUint64(b, nonce)
	b = append(appendSize(b, 7), "/test:/"...)
	b = binary.LittleEndian.AppendUint32(b, 0)
	return append(b, boolByte(relay))
}

const fullServices = wire.SFNodeNetwork | wire.SFNodeWitness

// established returns an inbound or outbound session after the handshake, in
// sync with an empty header answer.
func established(t *testing.T, cfg Config) *bench {
	b := newBench(t, cfg)
	b.receive("version", versionMessage(70016, fullServices, 5, true))
	b.receive("wtxidrelay", nil)
	b.receive("verack", nil)
	require.True(t, b.s.Report(b.now).Ready)
	b.sent, b.logs = nil, nil
	return b
}

// chainOf builds n linked headers above parent.
func chainOf(parent chainhash.Hash, n int) (raw []byte, hashes []chainhash.Hash) {
	for i := range n {
		header := make([]byte, wire.MaxBlockHeaderPayload)
		copy(header[4:36], parent[:])
		binary.LittleEndian.PutUint32(header[76:], uint32(i))
		parent = headerHash(header)
		raw, hashes = append(raw, header...), append(hashes, parent)
	}
	return raw, hashes
}

// blockOf makes a block of a header: enough for a session, which does not
// look behind it.
func blockOf(raw []byte, i int) []byte {
	return append(append([]byte{}, raw[i*wire.MaxBlockHeaderPayload:(i+1)*wire.MaxBlockHeaderPayload]...), 0)
}

func sameType(a, b any) bool {
	switch a.(type) {
	case p2p.LocatorRequest:
		_, ok := b.(p2p.LocatorRequest)
		return ok
	case p2p.LeaseRequest:
		_, ok := b.(p2p.LeaseRequest)
		return ok
	case p2p.SubmitBlockRequest:
		_, ok := b.(p2p.SubmitBlockRequest)
		return ok
	case p2p.SubmitCompactRequest:
		_, ok := b.(p2p.SubmitCompactRequest)
		return ok
	case p2p.WantTxsRequest:
		_, ok := b.(p2p.WantTxsRequest)
		return ok
	case p2p.SubmitHeadersRequest:
		_, ok := b.(p2p.SubmitHeadersRequest)
		return ok
	}
	return false
}

func headersReply(raw []byte) p2p.HeadersReply {
	return p2p.HeadersReply{Count: len(raw) / wire.MaxBlockHeaderPayload, Frames: multipart.One(raw)}
}
