package session

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

func newBuffer(b []byte) *bytes.Buffer { return bytes.NewBuffer(b) }

func publicAddress(port uint16, unix int64) p2p.NetAddr {
	return p2p.NetAddrOf(netip.AddrPortFrom(netip.MustParseAddr("8.8.4.4"), port), wire.SFNodeNetwork, unix)
}

func TestAddressesRoundTrip(t *testing.T) {
	list := []p2p.NetAddr{
		publicAddress(8333, 1_700_000_000),
		p2p.NetAddrOf(netip.MustParseAddrPort("[2a00::1]:1"), 1<<40, 5),
		{Time: 6, Network: p2p.TorV3, Host: bytes.Repeat([]byte("x"), 32), Port: 9},
	}
	for _, v2 := range []bool{false, true} {
		in := list
		if !v2 {
			in = list[:2]
		}
		out, n, err := readAddresses(&reader{b: encodeAddresses(in, v2)}, v2)
		require.NoError(t, err)
		require.Equal(t, in, out)
		require.Equal(t, len(in), n)
	}
}

func TestAddressesAreReadByBtcd(t *testing.T) {
	var m wire.MsgAddrV2
	raw := encodeAddresses([]p2p.NetAddr{publicAddress(8333, 1_700_000_000)}, true)
	require.NoError(t, m.BtcDecode(newBuffer(raw), wire.ProtocolVersion, wire.WitnessEncoding))
	require.EqualValues(t, 8333, m.AddrList[0].Port)
}

func TestAddressRateLimitAndRelay(t *testing.T) {
	b := established(t, inboundConfig())
	list := []p2p.NetAddr{publicAddress(1, b.now.Unix()), publicAddress(2, b.now.Unix())}
	b.receive("addr", encodeAddresses(list, false))
	b.logged("Received addr: 2 addresses (1 processed, 1 rate-limited) from peer=0")
	add := answer[p2p.AddAddressesRequest](b, p2p.Done{})
	require.Equal(t, list[:1], add.Relay)
	b.tickAfter(10 * time.Second)
	b.receive("addr", encodeAddresses(list[1:], false))
	require.Equal(t, list[1:], answer[p2p.AddAddressesRequest](b, p2p.Done{}).Addresses)
	require.EqualValues(t, 2, b.s.Report(b.now).AddrProcessed)
	require.EqualValues(t, 1, b.s.Report(b.now).AddrLimited)
}

func TestBadAddresses(t *testing.T) {
	b := established(t, inboundConfig())
	long := append([]byte{1, 0, 0, 0, 0, 0, 1, 0xfd, 0x01, 0x02}, make([]byte, 600)...)
	b.receive("addrv2", long)
	b.logged("Address too long: 513 > 512")
	b.receive("addrv2", []byte{1, 0, 0, 0, 0, 0, 1, 5, 1, 2, 3, 4, 5, 0, 0})
	b.logged("BIP155 IPv4 address with length 5 (should be 4)")
	require.Nil(t, b.gone)
	many := make([]p2p.NetAddr, 1010)
	for i := range many {
		many[i] = publicAddress(uint16(i), 5)
	}
	b.receive("addr", encodeAddresses(many, false))
	b.logged("Misbehaving: peer=0: addr message size = 1010")
	require.NotNil(t, b.gone)
}

func TestGetAddrIsAnsweredOnce(t *testing.T) {
	b := established(t, inboundConfig())
	b.receive("getaddr", nil)
	answer[p2p.GetAddressesRequest](b, p2p.AddressesReply{Addresses: []p2p.NetAddr{publicAddress(8333, b.now.Unix())}})
	b.tickAfter(time.Millisecond)
	require.Contains(t, b.types(), "addr")
	b.receive("getaddr", nil)
	b.logged(`Ignoring repeated "getaddr". peer=0`)
	cfg := inboundConfig()
	cfg.Type = p2p.Manual
	b = established(t, cfg)
	b.receive("getaddr", nil)
	b.logged(`Ignoring "getaddr" from manual connection. peer=0`)
}

func TestRoutable(t *testing.T) {
	for ip, want := range map[string]bool{
		"8.8.8.8": true, "10.0.0.1": false, "127.0.0.1": false, "192.168.1.1": false,
		"169.254.1.1": false, "224.0.0.1": false, "100.64.0.1": false, "2a00::1": true,
		"fc00::1": false, "fe80::1": false, "2001:db8::1": false, "::1": false,
	} {
		require.Equal(t, want, p2p.Routable(netip.MustParseAddr(ip)), ip)
	}
}

// What is to be passed on is not sent if it is of another length than its network's: the
// message could be too large, which would end the connection.
func TestAnAddressOfAnotherLengthIsNotSent(t *testing.T) {
	b := newBench(t, inboundConfig())
	b.receive("version", versionMessage(70016, fullServices, 5, true))
	b.receive("sendaddrv2", nil)
	b.receive("verack", nil)
	b.receive("getaddr", nil)
	answer[p2p.GetAddressesRequest](b, p2p.AddressesReply{})
	for _, length := range []int{0, 3, 16, p2p.MaxMessage} {
		b.step(RelayAddresses{Addresses: []p2p.NetAddr{{Network: p2p.IPv4, Port: 1, Services: wire.SFNodeNetwork, Host: make([]byte, length)}}})
	}
	b.sent = nil
	b.tickAfter(10 * time.Minute)
	require.NotContains(t, b.types(), "addrv2")
}
