package session

import (
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

func listeningConfig() Config {
	cfg := inboundConfig()
	cfg.Listening = true
	return cfg
}

func ownReply(text string) p2p.SelfAddressReply {
	return p2p.SelfAddressReply{Addresses: []p2p.NetAddr{p2p.ParseEndpoint(text).NetAddr(0, 0)}}
}

// sentAddresses drains the addr messages sent so far.
func (b *bench) sentAddresses() (lists [][]p2p.NetAddr) {
	b.t.Helper()
	for _, m := range b.sent {
		if m.Type == wire.CmdAddr {
			list, _, err := readAddresses(&reader{b: m.Payload}, false)
			require.NoError(b.t, err)
			lists = append(lists, list)
		}
	}
	b.sent = nil
	return lists
}

// TestOurAddressComesFirst, alone, and before anything that was asked for is answered.
func TestOurAddressComesFirst(t *testing.T) {
	b := established(t, listeningConfig())
	b.pass(time.Hour)
	require.Empty(t, b.sentAddresses(), "the peer takes no part")
	b.receive("getaddr", nil)
	b.receive("ping", make([]byte, 8))
	require.NotContains(t, b.types(), "pong")
	answer[p2p.SelfAddressRequest](b, ownReply("1.2.3.4:8333"))
	answer[p2p.GetAddressesRequest](b, p2p.AddressesReply{Addresses: []p2p.NetAddr{p2p.ParseEndpoint("5.6.7.8:1").NetAddr(1, 2)}})
	require.Equal(t, "pong", b.sent[len(b.sent)-1].Type)
	lists := b.sentAddresses()
	require.Len(t, lists, 2)
	want := p2p.ParseEndpoint("1.2.3.4:8333").NetAddr(wire.SFNodeNetwork|wire.SFNodeWitness, b.now.Unix())
	require.Equal(t, []p2p.NetAddr{want}, lists[0])
	require.Len(t, lists[1], 1)

	// Again in a day or so, though the peer knows it.
	at, ok := b.s.Due()
	require.True(t, ok)
	require.False(t, at.After(b.s.addr.nextSelf))
	b.pass(b.s.addr.nextSelf.Sub(b.now))
	b.receive("ping", make([]byte, 8))
	require.NotContains(t, b.types(), "pong")
	answer[p2p.SelfAddressRequest](b, ownReply("1.2.3.4:8333"))
	lists = b.sentAddresses()
	require.Len(t, lists, 1)
	want.Time = b.now.Unix()
	require.Equal(t, []p2p.NetAddr{want}, lists[0])
}

func TestOurAddressIsNotTold(t *testing.T) {
	asked := func(b *bench) bool {
		for _, r := range b.asks {
			if r.Method == string(p2p.SelfAddress) {
				return true
			}
		}
		return false
	}
	b := established(t, inboundConfig())
	b.receive("getaddr", nil)
	require.False(t, asked(b), "nobody can connect")

	cfg := listeningConfig()
	cfg.Tip.Initial = true
	b = established(t, cfg)
	b.receive("getaddr", nil)
	require.False(t, asked(b), "we are of no use")
	b.step(TipChanged{})
	b.pass(time.Second)
	require.True(t, asked(b))
	answer[p2p.SelfAddressRequest](b, ownReply("pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333"))
	require.Empty(t, b.sentAddresses(), "addr has no room for it")

	cfg = listeningConfig()
	cfg.Type = p2p.BlockRelayOnly
	b = established(t, cfg)
	b.pass(time.Hour)
	require.False(t, asked(b))

	b = established(t, listeningConfig())
	b.receive("getaddr", nil)
	answer[p2p.SelfAddressRequest](b, p2p.SelfAddressReply{})
	answer[p2p.GetAddressesRequest](b, p2p.AddressesReply{})
	require.Empty(t, b.sentAddresses(), "there is none")
}
