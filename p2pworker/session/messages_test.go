package session

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

func height(t *testing.T, block string) int {
	t.Helper()
	n, err := strconv.Atoi(block[1:])
	require.NoError(t, err, "no block is called %q", block)
	return n
}

// header makes that of a block. A branch begins with block 0, or on another one.
func (s *script) header(name string) []byte {
	if h := s.headers[name]; h != nil {
		return h
	}
	h := make([]byte, wire.MaxBlockHeaderPayload)
	h[0] = name[0]
	number := height(s.t, name)
	binary.LittleEndian.PutUint32(h[76:], uint32(number))
	switch fork := s.forks[name[0]]; {
	case fork != "" && height(s.t, fork) == number-1:
		copy(h[4:36], headerHashOf(s.header(fork)))
	case number > 0:
		copy(h[4:36], headerHashOf(s.header(fmt.Sprintf("%c%d", name[0], number-1))))
	}
	s.headers[name] = h
	s.names[headerHash(h)] = name
	return h
}

func headerHashOf(header []byte) []byte {
	h := headerHash(header)
	return h[:]
}

func (s *script) block(name string) chainhash.Hash { return headerHash(s.header(name)) }

func (s *script) blocks(names []string) (hashes []chainhash.Hash) {
	for _, name := range names {
		hashes = append(hashes, s.block(name))
	}
	return hashes
}

func (s *script) raw(names []string) (raw []byte) {
	for _, name := range names {
		raw = append(raw, s.header(name)...)
	}
	return raw
}

// expand turns a1..a3 into a1, a2, a3.
func (s *script) expand(words []string) (names []string) {
	for _, word := range words {
		first, last, isRun := strings.Cut(word, "..")
		if !isRun {
			names = append(names, word)
			continue
		}
		for n := height(s.t, first); n <= height(s.t, last); n++ {
			names = append(names, fmt.Sprintf("%c%d", first[0], n))
		}
	}
	return names
}

// A session looks at nothing of a block but its header and of a transaction but
// its length.

func (s *script) blockPayload(name string) []byte {
	return append(append([]byte{}, s.header(name)...), 0)
}

func txPayload(name string) []byte { return []byte("transaction " + name) }

func txName(raw []byte) string { return strings.TrimPrefix(string(raw), "transaction ") }

func (s *script) txid(name string) chainhash.Hash  { return s.hashNamed("txid ", name) }
func (s *script) wtxid(name string) chainhash.Hash { return s.hashNamed("wtxid ", name) }

func (s *script) hashNamed(kind, name string) chainhash.Hash {
	h := chainhash.HashH([]byte(kind + name))
	s.names[h] = name
	return h
}

// hashes reads kind:name.
func (s *script) hashes(list []string) (hashes []chainhash.Hash) {
	for _, inv := range s.inventory(list) {
		hashes = append(hashes, inv.Hash)
	}
	return hashes
}

func (s *script) inventory(list []string) (inventory []wire.InvVect) {
	for _, text := range list {
		kind, name, _ := strings.Cut(text, ":")
		inv := wire.InvVect{Type: inventoryKinds[kind]}
		switch {
		case inv.Type == invWtx:
			inv.Hash = s.wtxid(name)
		case strings.HasSuffix(kind, "tx"):
			inv.Hash = s.txid(name)
		case strings.HasSuffix(kind, "block"):
			inv.Hash = s.block(name)
		default:
			s.t.Fatalf("%s: %q is no inventory", s.Pos, text)
		}
		inventory = append(inventory, inv)
	}
	return inventory
}

// announcements reads transactions, each with its fee rate: rent:2000, or one
// that came from this peer: rent:2000:mine.
func (s *script) announcements(list []string) (txs []p2p.TxAnnouncement) {
	for _, text := range list {
		parts := strings.Split(text, ":")
		require.GreaterOrEqual(s.t, len(parts), 2, "%s: %q has no fee rate", s.Pos, text)
		rate, err := strconv.ParseInt(parts[1], 10, 64)
		require.NoError(s.t, err, s.Pos)
		tx := p2p.TxAnnouncement{Txid: s.txid(parts[0]), Wtxid: s.wtxid(parts[0]), FeeRate: rate, Peer: p2p.NoPeer}
		if len(parts) == 3 {
			tx.Peer = s.s.cfg.Peer
		}
		txs = append(txs, tx)
	}
	return txs
}

// addresses reads IP:port, of now, with all services of a full node.
func (s *script) addresses(list []string) (addresses []p2p.NetAddr) {
	for _, text := range list {
		end, err := netip.ParseAddrPort(text)
		require.NoError(s.t, err, s.Pos)
		addresses = append(addresses, p2p.NetAddrOf(end, fullServices, s.now.Unix()))
	}
	return addresses
}

func addressNames(list []p2p.NetAddr) string {
	var names []string
	for _, a := range list {
		end, _ := a.IP()
		names = append(names, end.String())
	}
	return strings.Join(names, " ")
}

// payload makes what follows "peer TYPE".
func (s *script) payload(messageType string) []byte {
	words := s.words(1)
	switch messageType {
	case wire.CmdVersion:
		return versionMessage(uint32(s.number("version", 70016)), wire.ServiceFlag(s.number("services", int(fullServices))),
			uint64(s.number("nonce", 5)), !s.HasArg("norelay"))
	case wire.CmdPing:
		return binary.LittleEndian.AppendUint64(nil, uint64(s.number("nonce", 0)))
	case wire.CmdPong:
		return binary.LittleEndian.AppendUint64(nil, s.ping)
	case wire.CmdInv, wire.CmdGetData, wire.CmdNotFound:
		if n := s.number("count", 0); n > 0 {
			return append(appendSize(nil, n), make([]byte, 36*n)...)
		}
		return encodeInventory(s.inventory(words))
	case wire.CmdHeaders:
		return encodeHeaders(s.raw(s.expand(words)))
	case wire.CmdGetHeaders, wire.CmdGetBlocks:
		stop := chainhash.Hash{}
		if name := s.text("to", ""); name != "" {
			stop = s.block(name)
		}
		return encodeLocator(s.blocks(s.expand(words)), stop)
	case wire.CmdBlock:
		return s.blockPayload(words[0])
	case wire.CmdTx:
		return txPayload(words[0])
	case wire.CmdAddr, wire.CmdAddrV2:
		return encodeAddresses(s.addresses(words), messageType == wire.CmdAddrV2)
	case wire.CmdFeeFilter:
		return binary.LittleEndian.AppendUint64(nil, uint64(s.number("rate", 0)))
	case cmdSendReconciliation:
		payload := binary.LittleEndian.AppendUint32(nil, uint32(s.number("version", 1)))
		return binary.LittleEndian.AppendUint64(payload, uint64(s.number("salt", 2)))[:s.number("bytes", 12)]
	case "feature":
		return appendSize(append(appendSize(nil, len(words[0])), words[0]...), 0)
	}
	raw, err := hex.DecodeString(s.text("hex", ""))
	require.NoError(s.t, err, s.Pos)
	return raw
}

// content writes what a message of ours says.
func (s *script) content(messageType string, payload []byte) string {
	r := &reader{b: payload}
	switch messageType {
	case wire.CmdVersion:
		v, _, err := readVersion(r)
		require.NoError(s.t, err)
		return fmt.Sprintf("version=%d services=%d height=%d relay=%t", v.Version, v.Services, v.StartHeight, v.Relay)
	case wire.CmdPing:
		s.ping = r.u64()
		return ""
	case wire.CmdPong:
		return fmt.Sprintf("nonce=%d", r.u64())
	case wire.CmdInv, wire.CmdGetData, wire.CmdNotFound:
		list, _ := r.inventory()
		return s.some(s.inventoryNames(list))
	case wire.CmdGetHeaders:
		locator, stop, _ := r.locator()
		return fmt.Sprintf("after (%s) to %s", s.some(s.namesOf(locator)), s.name(stop))
	case wire.CmdHeaders:
		raw, _, err := readHeaders(r, r.size())
		require.NoError(s.t, err)
		return s.some(s.headerNames(raw))
	case wire.CmdBlock:
		return s.name(headerHash(payload))
	case wire.CmdTx:
		return txName(payload)
	case wire.CmdAddr, wire.CmdAddrV2:
		list, _, err := readAddresses(r, messageType == wire.CmdAddrV2)
		require.NoError(s.t, err)
		return addressNames(list)
	case wire.CmdFeeFilter:
		return fmt.Sprintf("rate=%d", r.u64())
	case cmdSendReconciliation:
		version, salt := r.u32(), r.u64()
		require.Equal(s.t, s.s.recon.salt, salt)
		return fmt.Sprintf("version=%d", version)
	case cmdSendCompact:
		return fmt.Sprintf("announce=%d version=%d", r.u8(), r.u64())
	}
	require.Empty(s.t, payload, messageType)
	return ""
}

func (s *script) headerNames(raw []byte) (names []string) {
	for ; len(raw) >= wire.MaxBlockHeaderPayload; raw = raw[wire.MaxBlockHeaderPayload:] {
		names = append(names, s.name(headerHash(raw)))
	}
	return names
}

func (s *script) inventoryNames(list []wire.InvVect) (names []string) {
	for _, inv := range list {
		for kind, t := range inventoryKinds {
			if t == inv.Type {
				names = append(names, kind+":"+s.name(inv.Hash))
			}
		}
	}
	return names
}
