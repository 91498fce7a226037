package interpreter

import (
	"encoding/binary"
	"math"

	"github.com/btcsuite/btcd/wire/v2"
)

func appendCompactSize(to []byte, n int) []byte {
	switch {
	case n < 0xfd:
		return append(to, byte(n))
	case n <= math.MaxUint16:
		return binary.LittleEndian.AppendUint16(append(to, 0xfd), uint16(n))
	}
	return binary.LittleEndian.AppendUint32(append(to, 0xfe), uint32(n))
}

func appendUint32(to []byte, n uint32) []byte { return binary.LittleEndian.AppendUint32(to, n) }

func appendAmount(to []byte, n int64) []byte { return binary.LittleEndian.AppendUint64(to, uint64(n)) }

func appendOutPoint(to []byte, o *wire.OutPoint) []byte {
	return appendUint32(append(to, o.Hash[:]...), o.Index)
}

func appendScript(to, script []byte) []byte {
	return append(appendCompactSize(to, len(script)), script...)
}

func appendOutput(to []byte, out *wire.TxOut) []byte {
	return appendScript(appendAmount(to, out.Value), out.PkScript)
}
