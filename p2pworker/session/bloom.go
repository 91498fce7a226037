package session

import (
	"bytes"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/btcutil/v2/bloom"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// maxFilterElement is the length of the longest element of a bloom filter.
const maxFilterElement = 520

// bloomRelay is the filtering of transactions and blocks for a peer that asked for
// it (BIP37). A peer can make that cost us much: each transaction is fetched to be
// looked at. It is for those that are trusted, or whom we offer it.
type bloomRelay struct {
	filter *bloom.Filter // nil if the peer wants everything
	// matching are announcements that are yet to be looked at; one is with the node.
	matching []p2p.TxAnnouncement
	asking   bool
	matched  []wire.InvVect
}

// offersBloom reports whether the peer may set a bloom filter.
func (s *conversation) offersBloom() bool {
	return s.cfg.Services&wire.SFNodeBloom != 0 || s.cfg.Permissions.Has(p2p.BloomFilter)
}

// onBloom handles filterload, filteradd and filterclear.
func (s *txExchange) onBloom(messageType string, r *reader) error {
	if !s.offersBloom() {
		s.disconnect(p2p.AsksForUnserved, "%s received despite not offering bloom services", messageType)
		return nil
	}
	switch messageType {
	case wire.CmdFilterLoad:
		return s.onFilterLoad(r)
	case wire.CmdFilterAdd:
		return s.onFilterAdd(r)
	}
	if !s.blockRelayOnly() {
		s.bloom.filter, s.hs.relaysTxs = nil, true
	}
	return nil
}

func (s *txExchange) onFilterLoad(r *reader) error {
	data := r.take(r.size())
	hashes, tweak, flags := r.u32(), r.u32(), r.u8()
	switch {
	case r.err != nil:
		return r.err
	case len(data) > wire.MaxFilterLoadFilterSize || hashes > wire.MaxFilterLoadHashFuncs:
		s.misbehaving("too-large bloom filter")
	case !s.blockRelayOnly():
		s.bloom.filter = bloom.LoadFilter(&wire.MsgFilterLoad{
			Filter: bytes.Clone(data), HashFuncs: hashes, Tweak: tweak, Flags: wire.BloomUpdateType(flags),
		})
		s.hs.relaysTxs = true
	}
	return nil
}

func (s *txExchange) onFilterAdd(r *reader) error {
	data := r.take(r.size())
	switch {
	case r.err != nil:
		return r.err
	case len(data) > maxFilterElement || s.bloom.filter == nil && !s.blockRelayOnly():
		s.misbehaving("bad filteradd message")
	case s.bloom.filter != nil:
		s.bloom.filter.Add(data)
	}
	return nil
}

// announceMatching announces what matches the peer's filter.
func (s *txExchange) announceMatching(txs []p2p.TxAnnouncement) {
	s.bloom.matching = append(s.bloom.matching, txs[:min(len(txs), MaxPendingTxs-len(s.bloom.matching))]...)
	if !s.bloom.asking {
		s.matchNext()
	}
}

// matchNext looks at one transaction after the other, and then announces those that
// match.
func (s *txExchange) matchNext() {
	b := &s.bloom
	if len(b.matching) == 0 || len(b.matched) == maxInventory {
		if len(b.matched) > 0 {
			s.send(wire.CmdInv, encodeInventory(b.matched))
		}
		b.matched = nil
	}
	if len(b.matching) == 0 {
		b.matching = nil
		return
	}
	tx := b.matching[0]
	b.matching, b.asking = b.matching[1:], true
	ask(s.conversation, false, p2p.FetchTx, p2p.FetchTxRequest{Hash: tx.Wtxid, Wtxid: true, Witness: true}, func(f p2p.FetchReply, err error) {
		b.asking = false
		if inv := s.inventoryOf(tx); err == nil && f.Found && s.matches(f.First()) {
			s.txOut.known.Add(inv.Hash)
			b.matched = append(b.matched, inv)
		}
		s.matchNext()
	})
}

// matches reports whether a transaction is for the peer.
func (s *txExchange) matches(raw []byte) bool {
	if s.bloom.filter == nil {
		return true
	}
	tx, err := btcutil.NewTxFromBytes(raw)
	return err == nil && s.bloom.filter.MatchTxAndUpdate(tx)
}

// serveFiltered serves a merkleblock and the transactions of the block that match.
func (s *Session) serveFiltered(inv wire.InvVect) {
	if s.refusesBlocks() {
		return
	}
	req := p2p.FetchBlockRequest{Hash: inv.Hash, Witness: true, Limited: s.services()&wire.SFNodeNetwork == 0}
	ask(s.conversation, true, p2p.FetchBlock, req, func(f p2p.FetchReply, err error) {
		switch {
		case err != nil:
		case f.TooDeep && !s.cfg.Permissions.Has(p2p.NoBan):
			s.disconnect(p2p.AsksForUnserved, "Ignore block request below NODE_NETWORK_LIMITED threshold")
		case f.Found && s.bloom.filter != nil:
			s.sendFiltered(f.First())
			s.continueGetBlocks(inv.Hash)
		}
		s.serveNext()
	})
}

func (s *Session) sendFiltered(raw []byte) {
	block, err := btcutil.NewBlockFromBytes(raw)
	if err != nil {
		return // the node's block can be read
	}
	merkle, matched := bloom.NewMerkleBlock(block, s.bloom.filter)
	var payload bytes.Buffer
	if err := merkle.BtcEncode(&payload, wire.BIP0037Version, wire.BaseEncoding); err != nil {
		return
	}
	s.send(wire.CmdMerkleBlock, payload.Bytes())
	for _, i := range matched {
		var tx bytes.Buffer
		if err := block.MsgBlock().Transactions[i].SerializeNoWitness(&tx); err == nil {
			s.send(wire.CmdTx, tx.Bytes())
		}
	}
}
