package rawtx_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/rawtx"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/serial"
)

func example(inputs, outputs int, witness bool) *wire.MsgTx {
	tx := wire.NewMsgTx(2)
	for i := range inputs {
		in := &wire.TxIn{PreviousOutPoint: wire.OutPoint{Index: uint32(i)}, SignatureScript: []byte{0x51}, Sequence: 7}
		if witness {
			in.Witness = wire.TxWitness{{}, {1, 2}}
		}
		tx.AddTxIn(in)
	}
	for i := range outputs {
		tx.AddTxOut(wire.NewTxOut(int64(i), []byte{0x51}))
	}
	tx.LockTime = 9
	return tx
}

func TestBothFormsAreRead(t *testing.T) {
	for _, tx := range []*wire.MsgTx{example(1, 1, false), example(1, 1, true), example(3, 0, false), example(0, 0, false), example(2, 300, true)} {
		raw := rawtx.Encode(tx)
		got, ok := rawtx.Decode(raw, true, true)
		require.True(t, ok)
		require.Equal(t, raw, rawtx.Encode(got))
		require.Equal(t, tx.WitnessHash(), got.WitnessHash())
		_, ok = rawtx.Decode(append(raw, 0), true, true)
		require.False(t, ok, "a byte too many")
		_, ok = rawtx.Decode(raw[:len(raw)-1], true, true)
		require.False(t, ok, "a byte too few")
		_, ok = rawtx.Decode(raw, true, false)
		require.Equal(t, !tx.HasWitness(), ok)
	}
}

// TestTheGuess: without inputs one output looks like a flag.
func TestTheGuess(t *testing.T) {
	unfunded := rawtx.Encode(example(0, 1, false))
	_, ok := rawtx.Decode(unfunded, false, true)
	require.False(t, ok)
	tx, ok := rawtx.Decode(unfunded, true, true)
	require.True(t, ok)
	require.Len(t, tx.TxOut, 1)
}

func TestWhatHasNoWitnessMayNotSaySo(t *testing.T) {
	raw, err := hex.DecodeString("02000000" + "0001" + "01" + "0000000000000000000000000000000000000000000000000000000000000000" + "00000000" + "00" + "ffffffff" + "00" + "00" + "00000000")
	require.NoError(t, err)
	r := serial.NewReader(raw)
	require.Nil(t, rawtx.Take(r, true))
	require.Equal(t, rawtx.ErrSuperfluous, r.Err())
	raw[5] = 2
	r = serial.NewReader(raw)
	rawtx.Take(r, true)
	require.Equal(t, rawtx.ErrUnknownFlag, r.Err())
}

func FuzzDecode(f *testing.F) {
	f.Add(rawtx.Encode(example(1, 1, false)), true, true)
	f.Add(rawtx.Encode(example(2, 2, true)), false, true)
	f.Add(rawtx.Encode(example(0, 1, false)), true, false)
	f.Add([]byte{2, 0, 0, 0, 0xfe, 0, 0, 0, 2}, true, true)
	f.Fuzz(func(t *testing.T, raw []byte, legacy, witness bool) {
		tx, ok := rawtx.Decode(raw, legacy, witness)
		if !ok {
			return
		}
		again := rawtx.Encode(tx)
		if len(tx.TxIn) > 0 {
			require.Equal(t, raw, again)
			return
		}
		require.False(t, tx.HasWitness())
		require.True(t, bytes.Equal(raw, again) || witness, "an empty list of inputs, a flag, and nothing")
	})
}
