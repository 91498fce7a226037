package session

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"

	"github.com/btcsuite/btcd/wire/v2"
)

// PeerVersion is what a peer said in its version message.
type PeerVersion struct {
	Version     int32
	Services    wire.ServiceFlag
	Time        int64
	UserAgent   string
	StartHeight int32
	Relay       bool
	// AddrLocal is our address as the peer sees it.
	AddrLocal netip.AddrPort
	// TimeOffset is the peer's clock minus ours.
	TimeOffset time.Duration
}

// handshake is the state of version negotiation.
type handshake struct {
	peer       PeerVersion
	common     int32
	complete   bool
	wtxidRelay bool
	addrV2     bool
	// relaysTxs: the peer takes part in transaction relay with us.
	relaysTxs    bool
	completed    time.Time // by Config.Steady
	relayTold    bool      // to the manager
	prefersHeads bool
}

// sendVersion announces us. BIP: none, see the protocol documentation.
func (s *Session) sendVersion() {
	relay := !s.rejectsTxs()
	b := make([]byte, 0, 100+len(s.cfg.UserAgent))
	b = binary.LittleEndian.AppendUint32(b, ProtocolVersion)
	b = binary.LittleEndian.AppendUint64(b, uint64(s.services()))
	b = binary.LittleEndian.AppendUint64(b, uint64(s.now.Unix()))
	b = appendVersionAddress(b, s.cfg.RemoteServices, s.cfg.Remote)
	b = appendVersionAddress(b, s.services(), netip.AddrPort{})
	b = binary.LittleEndian.AppendUint64(b, s.cfg.Nonce)
	b = appendSize(b, len(s.cfg.UserAgent))
	b = append(b, s.cfg.UserAgent...)
	b = binary.LittleEndian.AppendUint32(b, uint32(s.tip.Height))
	b = append(b, boolByte(relay))
	s.announcer.told = s.tip.Height
	s.send(wire.CmdVersion, b)
	s.logf("net", "send version message: version=%d, blocks=%d, txrelay=%d, peer=%d",
		ProtocolVersion, s.tip.Height, boolByte(relay), s.cfg.Peer)
}

// services are what we offer: recent blocks only while old ones are missing
// (BIP159).
func (s *conversation) services() wire.ServiceFlag {
	services := s.cfg.Services
	if s.offersBloom() {
		services |= wire.SFNodeBloom
	}
	if s.tip.Partial && services&wire.SFNodeNetwork != 0 {
		return services&^wire.SFNodeNetwork | wire.SFNodeNetworkLimited
	}
	return services
}

func appendVersionAddress(b []byte, services wire.ServiceFlag, a netip.AddrPort) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(services))
	var raw [16]byte
	if a.IsValid() {
		raw = a.Addr().As16()
	}
	return binary.BigEndian.AppendUint16(append(b, raw[:]...), a.Port())
}

func boolByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func (s *Session) onVersion(r *reader) error {
	if s.hs.peer.Version != 0 {
		s.logf("net", "redundant version message from peer=%d", s.cfg.Peer)
		return nil
	}
	v, nonce, err := readVersion(r)
	if err != nil {
		return err
	}
	if s.refusesVersion(v, nonce) {
		return nil
	}
	v.TimeOffset = time.Unix(v.Time, 0).Sub(s.now)
	if s.cfg.Type == p2p.Inbound {
		s.sendVersion()
	}
	s.hs.peer = v
	s.hs.common = min(v.Version, ProtocolVersion)
	s.hs.relaysTxs = v.Relay && !s.blockRelayOnly() && s.cfg.Type != p2p.Feeler
	s.hs.relayTold = s.hs.relaysTxs // the introduction tells
	agent := v.UserAgent
	if agent == "" {
		agent = "<no user agent>"
	}
	s.logf("net", "receive version message: %s: version %d, blocks=%d, us=%s, txrelay=%d, %s",
		agent, v.Version, v.StartHeight, v.AddrLocal, boolByte(v.Relay), s.name)
	s.answerVersion()
	ask(s.conversation, false, p2p.IntroducePeer, s.introduction(), s.introduced)
	return nil
}

// refusesVersion disconnects peers we do not talk to.
func (s *Session) refusesVersion(v PeerVersion, nonce uint64) bool {
	switch {
	case s.expectsServices() && v.Services&s.desiredServices(v.Services) != s.desiredServices(v.Services):
		s.disconnect(p2p.LacksServices, "peer does not offer the expected services (%08x offered, %08x expected)",
			uint64(v.Services), uint64(s.desiredServices(v.Services)))
	case v.Version < MinPeerVersion:
		s.disconnect(p2p.ObsoleteVersion, "peer using obsolete version %d", v.Version)
	case s.cfg.Type == p2p.Inbound && s.cfg.IsOwnNonce != nil && s.cfg.IsOwnNonce(nonce):
		s.logf("net", "connected to self at %s, disconnecting", s.cfg.Address)
		s.end(Disconnect{Code: p2p.ToSelf, Reason: "connected to self"})
	default:
		return false
	}
	return true
}

// desiredServices are what a peer that offers these services must offer: one
// that keeps recent blocks only will do while we need no others (BIP159).
func (s *Session) desiredServices(offered wire.ServiceFlag) wire.ServiceFlag {
	recent := s.tip.Time != 0 && s.now.Sub(time.Unix(s.tip.Time, 0)) < limitedPeerDepth*10*time.Minute
	if offered&wire.SFNodeNetworkLimited != 0 && recent {
		return s.cfg.RemoteServices&^wire.SFNodeNetwork | wire.SFNodeNetworkLimited
	}
	return s.cfg.RemoteServices
}

// limitedPeerDepth is how many blocks we may lag behind for a peer that keeps
// only the last 288.
const limitedPeerDepth = 144

// expectsServices is true for connections that the node chose itself.
func (s *Session) expectsServices() bool {
	switch s.cfg.Type {
	case p2p.FullRelay, p2p.BlockRelayOnly, p2p.AddrFetch:
		return true
	}
	return false
}

// answerVersion sends what follows a version message, up to verack.
func (s *Session) answerVersion() {
	if s.hs.common >= wtxidRelayVersion {
		s.send(wire.CmdWTxIdRelay, nil)
		// BIP155 allows sendaddrv2 for any version, but some old
		// implementations reject messages they do not know.
		s.send(wire.CmdSendAddrV2, nil)
	}
	s.offerReconciliation()
	s.send(wire.CmdVerAck, nil)
	if s.outbound() && !s.blockRelayOnly() && s.cfg.Type != p2p.Feeler {
		s.requestAddresses()
	}
}

// introduction tells the manager what the peer said of itself.
func (s *Session) introduction() p2p.IntroducePeerRequest {
	v := s.hs.peer
	return p2p.IntroducePeerRequest{
		Peer: s.cfg.Peer, Version: v.Version, Services: uint64(v.Services), UserAgent: v.UserAgent,
		Relay: v.Relay, AddrLocal: v.AddrLocal.String(), TimeOffset: int64(v.TimeOffset / time.Second),
	}
}

// tellTxRelay asks whether a peer that chose us may be told of transactions if it is to
// be only now: it has set a filter.
func (s *Session) tellTxRelay() {
	if s.ended || s.outbound() || !s.hs.relaysTxs || s.hs.relayTold {
		return
	}
	s.hs.relayTold = true
	ask(s.conversation, false, p2p.RelayTxs, p2p.RelayTxsRequest{Peer: s.cfg.Peer}, func(r p2p.RelayTxsReply, err error) {
		if err == nil && r.Refused {
			s.disconnect(p2p.EndedByEviction, "failed to find a tx-relaying eviction candidate - connection dropped after %s message", wire.CmdFilterLoad)
		}
	})
}

func (s *Session) introduced(v p2p.IntroducePeerReply, err error) {
	switch {
	case err == nil && v.Refused != "":
		s.disconnect(p2p.Unwelcome, "%s", v.Refused)
	case s.cfg.Type == p2p.Feeler:
		s.disconnect(p2p.FeelerDone, "feeler connection completed") // not before the manager knows what was felt
	}
}

// readVersion takes the fields in order; those after the version's address
// are optional, as in the oldest clients.
func readVersion(r *reader) (v PeerVersion, nonce uint64, err error) {
	v.Version = int32(r.u32())
	v.Services = wire.ServiceFlag(r.u64())
	v.Time = max(int64(r.u64()), 0)
	r.u64()
	v.AddrLocal = r.versionAddress()
	v.Relay, v.StartHeight, nonce = true, -1, 1
	if !r.empty() {
		r.take(26)
		nonce = r.u64()
	}
	if !r.empty() {
		v.UserAgent = sanitize(r.limitedString(maxUserAgent))
	}
	if !r.empty() {
		v.StartHeight = int32(r.u32())
	}
	if !r.empty() {
		v.Relay = r.u8() != 0
	}
	return v, nonce, r.err
}

func (r *reader) versionAddress() netip.AddrPort {
	raw := r.take(16)
	port := r.u16be()
	if raw == nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(raw)).Unmap(), port)
}

// negotiate handles the messages that belong between version and verack, and
// those that only set a flag. done is false for all others.
func (s *Session) negotiate(messageType string, r *reader) (done bool, err error) {
	switch messageType {
	case wire.CmdVerAck:
		s.onVerAck()
	case wire.CmdWTxIdRelay:
		s.onWtxidRelay()
	case wire.CmdSendAddrV2:
		if s.hs.complete {
			s.disconnect(p2p.BrokeProtocol, "sendaddrv2 received after verack")
		}
		s.hs.addrV2 = true
	case "feature":
		s.onFeature(r)
	case cmdSendReconciliation:
		return true, s.onSendReconciliation(r)
	case wire.CmdSendHeaders:
		s.hs.prefersHeads = true
	case cmdSendCompact:
		return true, s.onSendCompact(r)
	default:
		return false, nil
	}
	return true, nil
}

func (s *Session) onVerAck() {
	if s.hs.complete {
		s.logf("net", "ignoring redundant verack message from peer=%d", s.cfg.Peer)
		return
	}
	category := ""
	if s.cfg.Type == p2p.Inbound {
		category = "net" // strangers may cause these at any rate
	}
	s.logf(category, "New %s peer connected: transport: %s, version: %d, %s",
		s.cfg.Type, s.transport(), s.hs.peer.Version, s.name)
	s.hs.complete, s.hs.completed = true, s.steady()
	if s.hs.relaysTxs {
		s.txOut.sequence = 1 // an empty mempool's
	}
	if !s.servesBlocks() {
		s.down.widest = MinBlocksInFlight // for what it announces only
	}
	s.effects = append(s.effects, Ready{})
	if s.hs.common >= compactBlockVersion {
		s.sendCompactPreference(false)
	}
	s.settleReconciliation()
	s.ping.queued = true
	s.maybePing()
	s.syncHeaders()
	s.maybeSendFeeFilter()
	if s.hs.wtxidRelay && !s.rejectsTxs() {
		s.wantTxs(false, s.wantRequest(), nil)
	}
	if s.cfg.Type != p2p.Feeler {
		s.announceTip(nil)
	}
}

// onWtxidRelay is BIP339.
func (s *Session) onWtxidRelay() {
	switch {
	case s.hs.complete:
		s.disconnect(p2p.BrokeProtocol, "wtxidrelay received after verack")
	case s.hs.common < wtxidRelayVersion:
		s.logf("net", "ignoring wtxidrelay due to old common version=%d from peer=%d", s.hs.common, s.cfg.Peer)
	case s.hs.wtxidRelay:
		s.logf("net", "ignoring duplicate wtxidrelay from peer=%d", s.cfg.Peer)
	default:
		s.hs.wtxidRelay = true
	}
}

// onFeature is BIP434: an identifier of 4 to 80 bytes and up to 512 bytes of
// data. We know no feature yet and ignore what is well formed.
func (s *Session) onFeature(r *reader) {
	if s.hs.complete {
		s.disconnect(p2p.BrokeProtocol, "feature received after verack")
		return
	}
	if s.hs.common < featureVersion {
		s.disconnect(p2p.BrokeProtocol, "feature received with incompatible version %d", s.hs.common)
		return
	}
	id := r.limitedString(maxFeatureID)
	r.limitedString(maxFeatureData)
	if r.err != nil || len(id) < 4 || !r.empty() {
		s.disconnect(p2p.BrokeProtocol, "invalid feature payload")
		return
	}
	s.logf("net", "unknown feature advertised: %s", sanitize(id))
}
