package coins

import (
	"encoding/binary"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// A file with a UTXO set, as Bitcoin Core's dumptxoutset writes it, begins with
// a header: setMagic, the version (uint16), the network's magic, the hash of
// the block to whose end the set belongs, and the number of coins (uint64), all
// little-endian. Then follow the transactions that have unspent outputs: the
// txid, the number of those outputs (compact size), and for each its own number
// (compact size) and the coin, with compressed amount and script.
const (
	setMagic   = "utxo\xff"
	setVersion = 2

	// SetHeaderSize is the bytes of a header.
	SetHeaderSize = len(setMagic) + 2 + 4 + chainhash.HashSize + 8
)

// SetHeader tells what is in a file with a UTXO set.
type SetHeader struct {
	Network [4]byte // magic, as in messages between peers
	Block   chainhash.Hash
	Coins   uint64
}

// SetError is a file that is none with a UTXO set, in Bitcoin Core's words.
type SetError struct{ Text string }

func (e *SetError) Error() string { return e.Text }

func (h *SetHeader) encode() []byte {
	b := binary.LittleEndian.AppendUint16([]byte(setMagic), setVersion)
	b = append(append(b, h.Network[:]...), h.Block[:]...)
	return binary.LittleEndian.AppendUint64(b, h.Coins)
}
