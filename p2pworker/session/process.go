package session

import (
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// process is the table of messages. An error means that the payload could not
// be read; the connection goes on.
func (s *Session) process(m Message) error {
	r := &reader{b: m.Payload}
	if m.Type == wire.CmdVersion {
		return s.onVersion(r)
	}
	if s.hs.peer.Version == 0 {
		s.logf("net", "non-version message before version handshake. Message \"%s\" from peer=%d",
			sanitize(m.Type), s.cfg.Peer)
		return nil
	}
	if done, err := s.negotiate(m.Type, r); done {
		return err
	}
	if !s.hs.complete {
		s.logf("net", "Unsupported message \"%s\" prior to verack from peer=%d",
			sanitize(m.Type), s.cfg.Peer)
		return nil
	}
	return s.processEstablished(m, r)
}

// processEstablished handles messages that need a complete handshake.
func (s *Session) processEstablished(m Message, r *reader) error {
	switch m.Type {
	case wire.CmdPing:
		return s.onPing(r)
	case wire.CmdPong:
		return s.onPong(m)
	case wire.CmdInv:
		return s.onInv(r)
	case wire.CmdGetData:
		return s.onGetData(r)
	case wire.CmdNotFound:
		return s.onNotFound(r)
	case wire.CmdGetHeaders:
		return s.onGetHeaders(r)
	case wire.CmdGetBlocks:
		return s.onGetBlocks(r)
	case wire.CmdHeaders:
		return s.onHeaders(r)
	case wire.CmdBlock:
		return s.onBlock(m)
	case wire.CmdTx:
		return s.onTx(m)
	case wire.CmdAddr, wire.CmdAddrV2:
		return s.onAddresses(m.Type, r)
	case wire.CmdGetAddr:
		s.onGetAddr()
	case wire.CmdMemPool:
		s.checkUpload(s.cfg.Permissions.Has(p2p.Mempool), false, s.onMempool)
	case wire.CmdFeeFilter:
		return s.onFeeFilter(r)
	case wire.CmdFilterLoad, wire.CmdFilterAdd, wire.CmdFilterClear:
		return s.onBloom(m.Type, r)
	case wire.CmdGetCFilters, wire.CmdGetCFHeaders, wire.CmdGetCFCheckpt:
		return s.onFilterRequest(m.Type, r)
	case cmdCompactBlock:
		return s.onCompactBlock(m)
	case cmdBlockTxs:
		return s.onBlockTxs(m)
	case cmdGetBlockTxs:
		return s.onGetBlockTxs(r)
	case wire.CmdCFilter, wire.CmdCFHeaders, wire.CmdCFCheckpt, wire.CmdMerkleBlock:
		// Never asked for: nothing to do.
	default:
		s.logf("net", "Unknown message type \"%s\" from peer=%d", sanitize(m.Type), s.cfg.Peer)
	}
	return nil
}

// sanitize keeps the characters of a stranger's text that may enter a log.
func sanitize(text string) string {
	clean := true
	for i := range len(text) {
		clean = clean && safe(text[i])
	}
	if clean {
		return text
	}
	kept := make([]byte, 0, len(text))
	for i := range len(text) {
		if safe(text[i]) {
			kept = append(kept, text[i])
		}
	}
	return string(kept)
}

func safe(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	switch c {
	case ' ', '.', ',', ';', '-', '_', '/', ':', '?', '@', '(', ')':
		return true
	}
	return false
}
