package consensus

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// witnessBlock has one transaction with an item of so many bytes.
func witnessBlock(size int) []byte {
	return NewBlock(wire.BlockHeader{Version: 4}, []*Tx{NewTx(&wire.MsgTx{
		Version: 2, LockTime: 9,
		TxIn: []*wire.TxIn{
			{Witness: wire.TxWitness{{1}, nil, make([]byte, size)}, Sequence: 5},
			{SignatureScript: make([]byte, 253), PreviousOutPoint: wire.OutPoint{Index: 7}},
		},
		TxOut: []*wire.TxOut{{Value: -1}, {PkScript: make([]byte, 70_000)}},
	})}).Raw
}

// The library has no room for what is in these.
func TestLargeBlocksAreParsed(t *testing.T) {
	for _, size := range []int{MaxBlockWeight, 5_000_000, 1 << 24} {
		raw := witnessBlock(size)
		b, err := ParseBlock(raw)
		require.NoError(t, err)
		require.Len(t, b.Txs[0].TxIn[0].Witness[2], size)
		require.True(t, bytes.Equal(raw, NewBlock(b.Header, b.Txs).Raw))
		tx := NewTx(b.Txs[0].MsgTx)
		require.Equal(t, *tx, *b.Txs[0], "the hashes and sizes are those of the transaction")
		require.Equal(t, b.Header.BlockHash(), b.Hash)
		require.Greater(t, b.Weight(), MaxBlockWeight)
		for _, cut := range []int{1, 4, 5, size / 2, size + 10} {
			_, err := ParseBlock(raw[:len(raw)-cut])
			require.Error(t, err)
		}
		_, err = ParseBlock(append(bytes.Clone(raw), 0))
		require.ErrorContains(t, err, "1 bytes follow it")
	}
}

// What follows a block is none of it, however much it is.
func TestTakeBlock(t *testing.T) {
	raw := witnessBlock(300)
	want, err := ParseBlock(raw)
	require.NoError(t, err)
	for _, more := range []int{0, 6, MaxBlockWeight} {
		b, rest, err := TakeBlock(append(bytes.Clone(raw), make([]byte, more)...))
		require.NoError(t, err)
		require.Len(t, rest, more)
		require.Equal(t, want, b)
	}
	_, err = ParseBlock(append(bytes.Clone(raw), make([]byte, 6)...))
	require.EqualError(t, err, "parse block: 6 bytes follow it")
}

// What cannot be read is called what Bitcoin Core calls it.
func TestFaults(t *testing.T) {
	in := strings.Repeat("00", 36) + "00" + "ffffffff"
	out := "0000000000000000" + "00"
	for text, want := range map[string]string{
		"02000000" + "01" + in + "01" + out:                                     "DataStream::read(): end of data",
		"02000000" + "fe40420f00" + "00":                                        "DataStream::read(): end of data",
		"02000000" + "fd0100" + in + "01" + out + "00000000":                    "non-canonical ReadCompactSize()",
		"02000000" + "fe01000002" + "00":                                        "ReadCompactSize(): size too large",
		"02000000" + "0001" + "01" + in + "01" + out + "00" + "00000000":        "Superfluous witness record",
		"02000000" + "0003" + "01" + in + "01" + out + "00" + "00000000":        "Superfluous witness record",
		"02000000" + "0003" + "01" + in + "01" + out + "01" + "00" + "00000000": "Unknown transaction optional data",
		"02000000" + "0002" + "01" + in + "01" + out + "00000000":               "Unknown transaction optional data",
		"02000000" + "0001" + "00" + "00" + "00000000":                          "Superfluous witness record",
	} {
		raw, err := hex.DecodeString(text)
		require.NoError(t, err)
		_, err = ParseTx(raw)
		require.Equal(t, &Malformed{"transaction", want}, err, text)
		_, err = ParseBlock(append(append(make([]byte, 80), 1), raw...))
		require.Equal(t, &Malformed{"block", want}, err, text)
	}
	_, err := ParseTx(make([]byte, 10))
	var reject *Reject
	require.ErrorAs(t, err, &reject)
	require.Equal(t, "bad-txns-vin-empty", reject.Reason)
}

// Of what the library has room for both make the same, errors too.
func FuzzLargeBlocksAreParsedAlike(f *testing.F) {
	f.Add(genesisRaw())
	f.Add(witnessBlock(300))
	f.Add(witnessBlock(0))
	f.Add(append(append(make([]byte, 80), 1), make([]byte, 20)...))
	f.Fuzz(func(t *testing.T, raw []byte) {
		want, rest, err := TakeBlock(raw)
		got, rest2, err2 := readBlock(raw)
		require.Equal(t, err == nil, err2 == nil, "%v and %v", err, err2)
		var reject *Reject
		require.Equal(t, errors.As(err, &reject), errors.As(err2, &reject))
		require.Equal(t, want, got)
		require.Equal(t, rest, rest2)
	})
}
