package dump

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/consensus"
)

func payment(i byte, witness ...[]byte) *consensus.Tx {
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: chainhash.Hash{i}}, nil, witness))
	tx.AddTxOut(wire.NewTxOut(int64(i)*1000, []byte{0x51}))
	return consensus.NewTx(tx)
}

func sample() ([]Tx, Rest) {
	return []Tx{
			{payment(1), 1_700_000_000, 0},
			{payment(2, []byte{1, 2}), 1_700_000_001, -5},
			{payment(3, make([]byte, 100_000)), 1, 1 << 40}, // more than is looked at first
		}, Rest{
			Deltas: map[chainhash.Hash]int64{{7}: 9, {8}: -9}, Unheard: []chainhash.Hash{payment(1).ID},
		}
}

// all reads everything.
func all(raw []byte) (txs []Tx, rest Rest, err error) {
	r, err := NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, rest, err
	}
	for {
		tx, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return txs, rest, err
		}
		txs = append(txs, tx)
	}
	rest, err = r.Rest()
	return txs, rest, err
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	txs, rest := sample()
	for _, key := range [][8]byte{{}, {1, 2, 3, 4, 5, 6, 7, 8}} {
		var file bytes.Buffer
		require.NoError(t, Write(&file, key, txs, rest))
		got, gotRest, err := all(file.Bytes())
		require.NoError(t, err)
		require.Len(t, got, len(txs))
		for i, tx := range got {
			require.Equal(t, txs[i].Raw(), tx.Raw())
			require.Equal(t, [2]int64{txs[i].Time, txs[i].Delta}, [2]int64{tx.Time, tx.Delta})
		}
		require.Equal(t, rest, gotRest)
		for cut := range 60 {
			_, _, err := all(file.Bytes()[:file.Len()-1-cut*file.Len()/60])
			require.ErrorIs(t, err, ErrMalformed)
		}
	}
}

// The bytes are those of Bitcoin Core's format, position by position.
func TestTheFileIsBitcoinCores(t *testing.T) {
	tx := payment(1)
	plain := "0100000000000000" + "0100000000000000" + hex.EncodeToString(tx.Raw()) + "0500000000000000" + "feffffffffffffff" +
		"01" + "07" + string(bytes.Repeat([]byte("00"), 31)) + "0900000000000000" + "00"
	var file bytes.Buffer
	require.NoError(t, Write(&file, [8]byte{}, []Tx{{tx, 5, -2}}, Rest{Deltas: map[chainhash.Hash]int64{{7}: 9}}))
	require.Equal(t, plain, hex.EncodeToString(file.Bytes()))

	file.Reset()
	require.NoError(t, Write(&file, [8]byte{0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x80}, nil, Rest{}))
	// Version, the key as a vector, and from position 17 on zeros that are XORed.
	require.Equal(t, "0200000000000000"+"081020304050607080"+"2030405060708010"+"2030", hex.EncodeToString(file.Bytes()))
}

func TestOtherFilesAreRefused(t *testing.T) {
	_, _, err := all([]byte{3, 0, 0, 0, 0, 0, 0, 0})
	require.ErrorIs(t, err, ErrVersion)
	for _, raw := range []string{
		"", "0100", "0200000000000000", "020000000000000007", // cut off, a key of another size
		"0100000000000000" + "ffffffffffffffff", // more transactions than there are
		"0100000000000000" + "0100000000000000" + "02000000" + "ffffffffffffffffff",
		"0100000000000000" + "0000000000000000" + "ff00000001000000ff", // and beside them
	} {
		b, err := hex.DecodeString(raw)
		require.NoError(t, err)
		_, _, err = all(b)
		require.ErrorIs(t, err, ErrMalformed, raw)
	}
}

// Whatever is read can be written and read again.
func FuzzRead(f *testing.F) {
	txs, rest := sample()
	for _, key := range [][8]byte{{}, {9}} {
		var file bytes.Buffer
		require.NoError(f, Write(&file, key, txs[:2], rest))
		f.Add(file.Bytes())
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		txs, rest, err := all(raw)
		if err != nil {
			return
		}
		var file bytes.Buffer
		require.NoError(t, Write(&file, [8]byte{3}, txs, rest))
		again, restAgain, err := all(file.Bytes())
		require.NoError(t, err)
		require.Equal(t, len(txs), len(again))
		for i := range txs {
			require.Equal(t, txs[i].ID, again[i].ID)
		}
		require.True(t, maps.Equal(rest.Deltas, restAgain.Deltas))
		require.True(t, slices.Equal(rest.Unheard, restAgain.Unheard))
	})
}
