package session

import (
	"testing"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

func TestInboundHandshake(t *testing.T) {
	b := newBench(t, inboundConfig())
	require.Empty(t, b.types(), "an inbound peer speaks first")
	b.receive("ping", make([]byte, 8))
	b.logged(`non-version message before version handshake. Message "ping" from peer=0`)
	b.receive("version", versionMessage(70016, fullServices, 5, true))
	require.Equal(t, []string{"version", "wtxidrelay", "sendaddrv2", "verack"}, b.types())
	b.receive("ping", make([]byte, 8))
	b.logged(`Unsupported message "ping" prior to verack from peer=0`)
	b.receive("sendaddrv2", nil)
	b.receive("verack", nil)
	require.Equal(t, []string{"sendcmpct", "ping", "feefilter"}, b.types())
	b.receive("verack", nil)
	b.logged("ignoring redundant verack message from peer=0")
	b.receive("version", versionMessage(70016, fullServices, 5, true))
	b.logged("redundant version message from peer=0")
	require.Nil(t, b.gone)
	b.receive("sendaddrv2", nil)
	b.logged("sendaddrv2 received after verack, disconnecting peer=0")
	require.NotNil(t, b.gone)
}

func TestOurVersionMessageIsReadByBtcd(t *testing.T) {
	cfg := inboundConfig()
	cfg.Type = p2p.Manual
	cfg.Tip.Height = 12
	b := newBench(t, cfg)
	require.Len(t, b.sent, 1)
	var m wire.MsgVersion
	require.NoError(t, m.BtcDecode(newBuffer(b.sent[0].Payload), 70016, wire.WitnessEncoding))
	require.EqualValues(t, ProtocolVersion, m.ProtocolVersion)
	require.Equal(t, "/Bulkhead:0.1.0/", m.UserAgent)
	require.Equal(t, fullServices, m.Services)
	require.EqualValues(t, 99, m.Nonce)
	require.EqualValues(t, 12, m.LastBlock)
	require.False(t, m.DisableRelayTx)
}

func TestVersionsThatAreRefused(t *testing.T) {
	outbound := inboundConfig()
	outbound.Type, outbound.RemoteServices = p2p.FullRelay, fullServices
	tests := []struct {
		name string
		cfg  Config
		raw  []byte
		log  string
	}{
		{"obsolete", inboundConfig(), versionMessage(31799, fullServices, 5, true),
			"peer using obsolete version 31799, disconnecting peer=0"},
		{"self", inboundConfig(), versionMessage(70016, fullServices, 99, true),
			"connected to self at 10.0.0.1:8333, disconnecting"},
		{"services", outbound, versionMessage(70016, wire.SFNodeNetwork, 5, true),
			"peer does not offer the expected services (00000001 offered, 00000009 expected), disconnecting peer=0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, tt.cfg)
			b.receive("version", tt.raw)
			b.logged(tt.log)
			require.NotNil(t, b.gone)
			require.False(t, b.gone.Discourage)
		})
	}
}

func TestPeersWithRecentBlocksDoWhileWeNeedNoOthers(t *testing.T) {
	cfg := inboundConfig()
	cfg.Type, cfg.RemoteServices = p2p.FullRelay, fullServices
	limited := versionMessage(70016, wire.SFNodeNetworkLimited|wire.SFNodeWitness, 5, true)
	b := newBench(t, cfg)
	b.receive("version", limited)
	b.logged("(00000408 offered, 00000009 expected)")
	cfg.Tip.Time = b.now.Add(-23 * time.Hour).Unix()
	b = newBench(t, cfg)
	b.receive("version", limited)
	require.Nil(t, b.gone)
}

func TestAddrFetchConnectionEndsInTime(t *testing.T) {
	cfg := inboundConfig()
	cfg.Type = p2p.AddrFetch
	b := established(t, cfg)
	b.tickAfter(addrFetchTimeout)
	require.Nil(t, b.gone)
	b.tickAfter(time.Second)
	b.logged("addrfetch connection timeout, disconnecting peer=0")
}

func TestShortVersionIsAnErrorNotAnEnd(t *testing.T) {
	b := newBench(t, inboundConfig())
	b.receive("version", make([]byte, 10))
	b.logged("ProcessMessages(version, 10 bytes): Exception 'DataStream::read(): end of data'")
	require.Nil(t, b.gone)
}

func TestHandshakeTimeouts(t *testing.T) {
	for _, tt := range []struct {
		tick      Tick
		transport string
		log       string
	}{
		{Tick{}, "v1", "socket no message in first 60 seconds, never received from peer, never sent to peer, disconnecting peer=0"},
		{Tick{LastReceive: time.Unix(1_700_000_050, 0)}, "detecting", "socket no message in first 60 seconds, never sent to peer, disconnecting"},
		{Tick{LastReceive: time.Unix(1_700_000_050, 0), LastSend: time.Unix(1_700_000_050, 0)}, "v2", "version handshake timeout, disconnecting peer=0"},
		{Tick{LastReceive: time.Unix(1_700_000_050, 0), LastSend: time.Unix(1_700_000_050, 0)}, "detecting", "V2 handshake timeout, disconnecting peer=0"},
	} {
		cfg := inboundConfig()
		cfg.Transport = func() string { return tt.transport }
		b := newBench(t, cfg)
		b.now = b.now.Add(60 * time.Second)
		b.step(tt.tick)
		require.Nil(t, b.gone, "not before the time-out has passed")
		b.now = b.now.Add(time.Second)
		b.step(tt.tick)
		require.NotNil(t, b.gone)
		b.logged(tt.log)
	}
}

// The texts are those that Bitcoin Core's p2p_ping.py expects.
func TestPingBookkeeping(t *testing.T) {
	b := newBench(t, inboundConfig())
	b.receive("version", versionMessage(70016, fullServices, 5, true))
	b.sent = nil
	b.receive("verack", nil)
	require.Equal(t, "ping", b.sent[1].Type)
	nonce := b.sent[1].Payload
	b.tickAfter(3 * time.Second)
	require.Equal(t, (3 * time.Second).Microseconds(), b.s.Report(b.now).PingWait)
	b.receive("pong", nil)
	b.logged("pong peer=0: Short payload")
	require.Zero(t, b.s.Report(b.now).PingWait)
	b.receive("pong", make([]byte, 8))
	b.logged("pong peer=0: Unsolicited pong without ping, 0 expected, 0 received, 8 bytes")
	b.sent = nil
	b.tickAfter(2*time.Minute + time.Second)
	require.Equal(t, "ping", b.sent[0].Type)
	b.receive("pong", nonce)
	b.logged("Nonce mismatch")
	b.receive("pong", make([]byte, 8))
	b.logged("Nonce zero")
	b.sent = nil
	b.tickAfter(2*time.Minute + time.Second)
	nonce = b.sent[0].Payload
	b.tickAfter(29 * time.Second)
	b.receive("pong", nonce)
	require.Equal(t, (29 * time.Second).Microseconds(), b.s.Report(b.now).Ping)
	b.step(PingNow{})
	b.tickAfter(20*time.Minute + time.Second)
	b.logged("ping timeout: 1201.000000s, disconnecting peer=0")
	require.NotNil(t, b.gone)
}

func TestServicesThatAreNotOffered(t *testing.T) {
	for message, log := range map[string]string{
		"filterload":   "filterload received despite not offering bloom services, disconnecting peer=0",
		"filteradd":    "filteradd received despite not offering bloom services, disconnecting peer=0",
		"filterclear":  "filterclear received despite not offering bloom services, disconnecting peer=0",
		"mempool":      "mempool request with bloom filters disabled, disconnecting peer=0",
		"getcfilters":  "peer requested unsupported block filter type: 0, disconnecting peer=0",
		"getcfheaders": "peer requested unsupported block filter type: 0, disconnecting peer=0",
		"getcfcheckpt": "peer requested unsupported block filter type: 0, disconnecting peer=0",
	} {
		b := established(t, inboundConfig())
		b.receive(message, make([]byte, 37))
		b.logged(log)
		require.NotNil(t, b.gone)
	}
}

func TestFeature(t *testing.T) {
	id := append(appendSize(nil, 5), "hello"...)
	for _, tt := range []struct {
		version uint32
		payload []byte
		log     string
		gone    bool
	}{
		{70017, append(append([]byte{}, id...), 0), "unknown feature advertised: hello", false},
		{70017, id, "invalid feature payload, disconnecting peer=0", true},
		{70016, append(append([]byte{}, id...), 0), "feature received with incompatible version 70016, disconnecting peer=0", true},
	} {
		b := newBench(t, inboundConfig())
		b.receive("version", versionMessage(tt.version, fullServices, 5, true))
		b.receive("feature", tt.payload)
		b.logged(tt.log)
		require.Equal(t, tt.gone, b.gone != nil)
	}
}
