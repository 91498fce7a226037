package coins

import (
	"bytes"

	"github.com/btcsuite/btcd/wire/v2"
)

// Undo is what a block spent: for each transaction but the coinbase, the
// coins of its inputs in order.
type Undo [][]Coin

// Encode serialises as Bitcoin Core's CBlockUndo.
func (u Undo) Encode() []byte {
	b := appendCompactSize(nil, uint64(len(u)))
	for _, tx := range u {
		b = appendCompactSize(b, uint64(len(tx)))
		for i := range tx {
			c := &tx[i]
			b = appendVarInt(b, c.code())
			if c.Height > 0 {
				b = append(b, 0) // once the transaction's version
			}
			b = appendOutput(b, c, true)
		}
	}
	return b
}

// DecodeUndo is the inverse of Undo.Encode.
func DecodeUndo(b []byte) (Undo, error) {
	count, b, err := compactSize(b)
	if err != nil {
		return nil, err
	}
	u := make(Undo, count)
	for i := range u {
		if count, b, err = compactSize(b); err != nil {
			return nil, err
		}
		u[i] = make([]Coin, count)
		for j := range u[i] {
			if b, err = parseSpent(b, &u[i][j]); err != nil {
				return nil, err
			}
		}
	}
	if len(b) > 0 {
		return nil, ErrCorrupt
	}
	return u, nil
}

func parseSpent(b []byte, c *Coin) ([]byte, error) {
	code, b, err := varInt(b)
	if err != nil {
		return nil, err
	}
	if err := c.setCode(code); err != nil {
		return nil, err
	}
	if c.Height > 0 {
		if _, b, err = varInt(b); err != nil {
			return nil, err
		}
	}
	return parseOutput(b, c)
}

func appendCompactSize(dst []byte, n uint64) []byte {
	var b bytes.Buffer
	// A bytes.Buffer does not fail.
	_ = wire.WriteVarInt(&b, 0, n)
	return append(dst, b.Bytes()...)
}

// compactSize reads a count of things that take at least a byte each.
func compactSize(b []byte) (uint64, []byte, error) {
	r := bytes.NewReader(b)
	n, err := wire.ReadVarInt(r, 0)
	if err != nil || n > uint64(r.Len()) {
		return 0, nil, ErrCorrupt
	}
	return n, b[len(b)-r.Len():], nil
}
