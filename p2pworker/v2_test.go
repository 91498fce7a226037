package p2pworker_test

import (
	"bytes"
	"net"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// newEncryptingShip is one that speaks v2 with who can.
func newEncryptingShip(t *testing.T, blocks, capacity, idle int) *ship {
	t.Helper()
	return launch(t, blocks, capacity, idle, outfit{services: wire.SFNodeNetwork | wire.SFNodeWitness | wire.SFNodeP2PV2})
}

// framed waits until all connections are framed so, and returns the last one.
func (s *ship) framed(protocol string) map[string]any {
	s.t.Helper()
	list := s.peers(patience(s.t), func(l []map[string]any) bool {
		for _, p := range l {
			if p["transport_protocol_type"] != protocol {
				return false
			}
		}
		return len(l) > 0
	})
	return list[len(list)-1]
}

func TestShipsEncryptWhatTheySync(t *testing.T) {
	ctx := patience(t)
	full, empty := newEncryptingShip(t, 2500, 0, 0), newEncryptingShip(t, 0, 0, 0)
	empty.must(ctx, "addnode", full.address(), "onetry")
	empty.node.awaitHeight(ctx, 2500)
	server, client := full.framed("v2"), empty.framed("v2")
	require.Len(t, server["session_id"], 64)
	require.Equal(t, server["session_id"], client["session_id"])
	require.Equal(t, "0000000000000809", client["services"])
	require.Contains(t, empty.log.String(), "trying v2 connection (manual) to "+full.address())
	require.Contains(t, empty.log.String(), "start sending v2 handshake to peer=0")
	require.Contains(t, empty.log.String(), "New manual peer connected: transport: v2, version: 70017, peer=0")
	require.NotContains(t, empty.log.String(), "retrying with v1")
}

// Who does not know v2 hangs up at a key, and gets what it knows, from another
// process if each has one connection only.
func TestShipsFallBackToV1(t *testing.T) {
	for name, pool := range map[string]struct{ capacity, idle int }{"a worker": {0, 0}, "a worker each": {1, 2}} {
		t.Run(name, func(t *testing.T) {
			ctx := patience(t)
			full, empty := newShip(t, 300, pool.capacity, pool.idle), newEncryptingShip(t, 0, pool.capacity, pool.idle)
			empty.must(ctx, "addnode", full.address(), "onetry")
			empty.node.awaitHeight(ctx, 300)
			peer := empty.framed("v1")
			require.Equal(t, 1., peer["id"])
			require.Equal(t, "manual", peer["connection_type"])
			require.Empty(t, peer["session_id"])
			require.Contains(t, empty.log.String(), "retrying with v1 transport protocol for peer=0")
			require.Contains(t, empty.log.String(), "trying v1 connection (manual) to "+full.address())
		})
	}
}

func TestV1PeersAreTakenAsTheyAre(t *testing.T) {
	ctx := patience(t)
	full, empty := newEncryptingShip(t, 300, 0, 0), newShip(t, 0, 0, 0)
	empty.must(ctx, "addnode", full.address(), "onetry")
	empty.node.awaitHeight(ctx, 300)
	full.framed("v1")
	empty.framed("v1")
	require.NotContains(t, full.log.String(), "v2 handshake")
}

func TestHandshakeThatFailsCostsItsConnectionOnly(t *testing.T) {
	ctx := patience(t)
	s := newEncryptingShip(t, 0, 0, 0)
	for text, sent := range map[string][]byte{
		"V2 transport error: missing garbage terminator, peer=":                         make([]byte, 64+4095+16),
		"V2 transport error: V1 peer with wrong MessageStart 01020304, peer=":           []byte("\x01\x02\x03\x04version\x00\x00\x00\x00\x00"),
		"Header error: Size too large (version, 4294967295 bytes), peer=":               append([]byte("\xfa\xbf\xb5\xdaversion\x00\x00\x00\x00\x00"), bytes.Repeat([]byte{255}, 8)...),
		"Header error: Wrong checksum (version, 0 bytes), expected 5df6e0e2 was 000000": append([]byte("\xfa\xbf\xb5\xdaversion\x00\x00\x00\x00\x00"), make([]byte, 8)...),
	} {
		nc, err := net.Dial("tcp", s.address())
		require.NoError(t, err)
		_, err = nc.Write(sent)
		require.NoError(t, err)
		for !bytes.Contains([]byte(s.log.String()), []byte(text)) {
			s.must(ctx, "getpeerinfo")
			require.NoError(t, ctx.Err(), text)
		}
		nc.Close()
		s.peers(ctx, count(0))
	}
	other := newEncryptingShip(t, 0, 0, 0)
	other.must(ctx, "addnode", s.address(), "onetry")
	s.framed("v2")
}
