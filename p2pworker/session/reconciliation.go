package session

import (
	"encoding/binary"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

const (
	cmdSendReconciliation = "sendtxrcncl" // BIP330
	// reconciliationVersion is the one that we speak, and the lowest there is.
	reconciliationVersion = 1
)

// reconciliation is what was agreed with the peer about announcing transactions by
// sketches (BIP330). The agreement is all there is: no sketch is made or asked for, and
// transactions are announced one by one as to everybody else.
type reconciliation struct {
	step reconciliationStep
	salt uint64 // ours, until the peer has told its own
	// As agreed: the version, whether sketches are for us to ask for, and the key of
	// the short ids in them.
	version    uint32
	weInitiate bool
	k0, k1     uint64
}

// reconciliationStep is how far the agreement has come.
type reconciliationStep byte

const (
	notReconciling reconciliationStep = iota
	reconciliationOffered
	reconciliationAgreed
)

// offerReconciliation is for peers with which transactions are exchanged both ways.
func (s *Session) offerReconciliation() {
	if !s.cfg.Reconciles || s.hs.common < wtxidRelayVersion || !s.hs.relaysTxs ||
		s.cfg.Type == p2p.AddrFetch || s.cfg.BlocksOnly {
		return
	}
	s.logf("txreconciliation", "Pre-register peer=%d", s.cfg.Peer)
	s.recon = reconciliation{step: reconciliationOffered, salt: s.cfg.Random()}
	payload := binary.LittleEndian.AppendUint32(nil, reconciliationVersion)
	s.send(cmdSendReconciliation, binary.LittleEndian.AppendUint64(payload, s.recon.salt))
}

// onSendReconciliation is the peer's offer, which it may make between its version and
// its verack, and to us only if both have said that they take transactions.
func (s *Session) onSendReconciliation(r *reader) error {
	switch {
	case !s.cfg.Reconciles:
		s.logf("net", "sendtxrcncl from peer=%d ignored, as our node does not have txreconciliation enabled", s.cfg.Peer)
	case s.hs.complete:
		s.disconnect(p2p.BrokeProtocol, "sendtxrcncl received after verack")
	case s.rejectsTxs():
		s.disconnect(p2p.BrokeProtocol, "sendtxrcncl received to which we indicated no tx relay")
	case !s.hs.relaysTxs:
		s.disconnect(p2p.BrokeProtocol, "sendtxrcncl received which indicated no tx relay to us")
	default:
		return s.agreeReconciliation(r)
	}
	return nil
}

// agreeReconciliation takes an offer that may be made. Of two versions the lower one counts.
func (s *Session) agreeReconciliation(r *reader) error {
	theirs, salt := r.u32(), r.u64()
	version := min(theirs, reconciliationVersion)
	switch {
	case r.err != nil:
		return r.err
	case s.recon.step == notReconciling:
		s.logf("net", "Ignore unexpected txreconciliation signal from peer=%d", s.cfg.Peer)
	case s.recon.step == reconciliationAgreed:
		s.disconnect(p2p.BrokeProtocol, "txreconciliation protocol violation (sendtxrcncl received from already registered peer)")
	case version < reconciliationVersion:
		s.disconnect(p2p.BrokeProtocol, "txreconciliation protocol violation")
	default:
		s.logf("txreconciliation", "Register peer=%d (inbound=%d)", s.cfg.Peer, boolByte(!s.outbound()))
		k0, k1 := reconciliationKey(s.recon.salt, salt)
		s.recon = reconciliation{step: reconciliationAgreed, version: version, weInitiate: s.outbound(), k0: k0, k1: k1}
	}
	return nil
}

// settleReconciliation forgets an offer that the peer's verack leaves without an answer,
// or with one that it did not make good by announcing transactions by wtxid.
func (s *Session) settleReconciliation() {
	if s.recon.step == notReconciling || s.recon.step == reconciliationAgreed && s.hs.wtxidRelay {
		return
	}
	s.recon = reconciliation{}
	s.logf("txreconciliation", "Forget txreconciliation state of peer=%d", s.cfg.Peer)
}

// reconciliationKey is the key of the short ids between two peers (BIP330, "Short ID"),
// the same for both.
func reconciliationKey(a, b uint64) (k0, k1 uint64) {
	salts := binary.LittleEndian.AppendUint64(nil, min(a, b))
	salts = binary.LittleEndian.AppendUint64(salts, max(a, b))
	h := chainhash.TaggedHash([]byte("Tx Relay Salting"), salts)
	return binary.LittleEndian.Uint64(h[:]), binary.LittleEndian.Uint64(h[8:])
}
