package session

import (
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// Inventory types that wire has no name for.
const (
	invWtx          wire.InvType = 5 // BIP339
	invCompactBlock wire.InvType = 4 // BIP152
	invWitnessFlag  wire.InvType = 1 << 30
)

// maxGetBlocks is the length of a full answer to getblocks.
const maxGetBlocks = wire.MaxBlocksPerMsg

func (s *announcements) onGetHeaders(r *reader) error {
	locator, stop, n := r.locator()
	if r.err != nil {
		return r.err
	}
	if n > maxLocator {
		s.disconnect(p2p.BrokeProtocol, "getheaders locator size %d > %d", n, maxLocator)
		return nil
	}
	ask(s.conversation, true, p2p.FindHeaders, p2p.FindHeadersRequest{Locator: locator, Stop: stop}, func(h p2p.HeadersReply, err error) {
		raw := h.First()
		if err != nil || h.Ignore || h.Count < 0 || len(raw) != h.Count*wire.MaxBlockHeaderPayload {
			return // the node does not serve headers now
		}
		count := h.Count
		for i := range count {
			header := raw[i*wire.MaxBlockHeaderPayload:]
			s.announcer.learn(headerHash(header), previousHash(header))
		}
		last := stop
		if count > 0 {
			last = headerHash(raw[(count-1)*wire.MaxBlockHeaderPayload:])
			s.announcer.markKnown(last)
		}
		if count == 0 || count < maxHeaders && last != stop {
			s.announcer.markKnown(s.tip.Hash)
		}
		s.sendHeaders(raw)
	})
	return nil
}

func (s *announcements) onGetBlocks(r *reader) error {
	locator, stop, n := r.locator()
	if r.err != nil {
		return r.err
	}
	if n > maxLocator {
		s.disconnect(p2p.BrokeProtocol, "getblocks locator size %d > %d", n, maxLocator)
		return nil
	}
	ask(s.conversation, true, p2p.FindBlocks, p2p.FindBlocksRequest{Locator: locator, Stop: stop}, func(h p2p.LocatorReply, err error) {
		if err != nil || len(h.Hashes) == 0 {
			return
		}
		list := make([]wire.InvVect, len(h.Hashes))
		for i, hash := range h.Hashes {
			list[i] = wire.InvVect{Type: wire.InvTypeBlock, Hash: hash}
		}
		if len(list) == maxGetBlocks {
			s.announcer.continuation = list[len(list)-1].Hash
		}
		s.send(wire.CmdInv, encodeInventory(list))
	})
	return nil
}

func (s *Session) onGetData(r *reader) error {
	list, n := r.inventory()
	if r.err != nil {
		return r.err
	}
	if n > maxInventory {
		s.misbehaving("getdata message size = %d", n)
		return nil
	}
	s.logf("net", "received getdata (%d invsz) peer=%d", n, s.cfg.Peer)
	if n > 0 {
		s.logf("net", "received getdata for: %s peer=%d", inventoryName(list[0]), s.cfg.Peer)
	}
	s.serving = append(s.serving, list...)
	s.serveNext()
	return nil
}

// serveNext serves the list of a getdata, one item at a time and in order.
// The peer's next message waits until the list is done.
func (s *Session) serveNext() {
	for len(s.serving) > 0 && !s.ended {
		inv := s.serving[0]
		s.serving = s.serving[1:]
		switch inv.Type {
		case wire.InvTypeTx, wire.InvTypeWitnessTx, invWtx:
			if s.serveTx(inv) {
				return
			}
		case wire.InvTypeBlock, wire.InvTypeWitnessBlock, invCompactBlock:
			s.serveBlock(inv)
			return
		case wire.InvTypeFilteredBlock, wire.InvTypeFilteredWitnessBlock:
			if !s.offersBloom() {
				s.disconnect(p2p.AsksForUnserved, "filtered block request received when NODE_BLOOM service disabled")
				break
			}
			s.checkUpload(s.cfg.Permissions.Has(p2p.Download), true, func() { s.serveFiltered(inv) })
			return
		}
	}
	s.serving = nil
	if len(s.missing) > 0 && !s.ended {
		s.send(wire.CmdNotFound, encodeInventory(s.missing))
		s.missing = nil
	}
}

// serveTx reports whether it made a request, after which serveNext goes on.
func (s *Session) serveTx(inv wire.InvVect) bool {
	if !s.hs.relaysTxs {
		return false // who takes no announcements gets no transactions
	}
	if s.txOut.unannounced(inv.Hash) {
		s.missing = append(s.missing, inv)
		return false
	}
	req := p2p.FetchTxRequest{Hash: inv.Hash, Wtxid: inv.Type == invWtx, Witness: inv.Type != wire.InvTypeTx}
	ask(s.conversation, true, p2p.FetchTx, req, func(f p2p.FetchReply, err error) {
		if err == nil && f.Found {
			s.send(wire.CmdTx, f.First())
		} else {
			s.missing = append(s.missing, inv)
		}
		s.serveNext()
	})
	return true
}

func (s *Session) serveBlock(inv wire.InvVect) {
	if s.refusesBlocks() {
		return
	}
	req := p2p.FetchBlockRequest{Hash: inv.Hash, Witness: inv.Type != wire.InvTypeBlock, Compact: inv.Type == invCompactBlock,
		Limited: s.services()&wire.SFNodeNetwork == 0}
	ask(s.conversation, true, p2p.FetchBlock, req, func(f p2p.FetchReply, err error) {
		free := err != nil || !f.Historical || s.cfg.Permissions.Has(p2p.Download)
		s.checkUpload(free, true, func() { s.answerBlock(inv, f, err) })
	})
}

// answerBlock answers a request for a block, and goes on with the next.
func (s *Session) answerBlock(inv wire.InvVect, f p2p.FetchReply, err error) {
	switch {
	case err != nil:
	case f.TooDeep && !s.cfg.Permissions.Has(p2p.NoBan):
		s.disconnect(p2p.AsksForUnserved, "Ignore block request below NODE_NETWORK_LIMITED threshold")
	case f.Compact:
		s.send(cmdCompactBlock, f.First())
	case f.Found:
		send := s.send
		if f.AtTip {
			send = s.sendFirst
		}
		send(wire.CmdBlock, f.First())
		s.continueGetBlocks(inv.Hash)
	}
	s.serveNext()
}

// refusesBlocks ends the connection of a peer that asks for blocks, which it was told
// that we do not serve to it.
func (s *Session) refusesBlocks() bool {
	if s.services()&(wire.SFNodeNetwork|wire.SFNodeNetworkLimited) != 0 {
		return false
	}
	s.disconnect(p2p.AsksForUnserved, "block request though neither NODE_NETWORK nor NODE_NETWORK_LIMITED is offered")
	return true
}

// continueGetBlocks makes a peer that syncs by getblocks ask for the next run.
func (s *announcements) continueGetBlocks(h chainhash.Hash) {
	if s.announcer.continuation != h || h == (chainhash.Hash{}) {
		return
	}
	s.announcer.continuation = chainhash.Hash{}
	s.send(wire.CmdInv, encodeInventory([]wire.InvVect{{Type: wire.InvTypeBlock, Hash: s.tip.Hash}}))
}

// inventoryName is Bitcoin Core's text for an inventory entry.
func inventoryName(inv wire.InvVect) string {
	prefix := ""
	if inv.Type&invWitnessFlag != 0 {
		prefix = "witness-"
	}
	switch inv.Type &^ invWitnessFlag {
	case wire.InvTypeTx:
		return prefix + "tx " + inv.Hash.String()
	case wire.InvTypeBlock:
		return prefix + "block " + inv.Hash.String()
	case wire.InvTypeFilteredBlock:
		return prefix + "merkleblock " + inv.Hash.String()
	case invCompactBlock:
		return prefix + "cmpctblock " + inv.Hash.String()
	case invWtx:
		return prefix + "wtx " + inv.Hash.String()
	}
	return "0x" + hex32(uint32(inv.Type)) + " " + inv.Hash.String()
}

func hex32(v uint32) string {
	const digits = "0123456789abcdef"
	var b [8]byte
	for i := range b {
		b[i] = digits[v>>(28-4*i)&0xf]
	}
	return string(b[:])
}
