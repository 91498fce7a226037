package coins

import (
	"bytes"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// Scripts of every length come back as they were, and what was taken out
// leaves nothing behind.
func TestLayerKeepsScriptsOfAnyLength(t *testing.T) {
	l := newLayer()
	lengths := []int{0, 1, 22, inlineScript, inlineScript + 1, 255, 256, txscript.MaxScriptSize}
	for round := range lengths {
		for i := range lengths {
			length := lengths[(i+round)%len(lengths)]
			want := entry{
				Coin:  Coin{Value: int64(i) << 40, Script: bytes.Repeat([]byte{byte(i + 1)}, length), Height: 1<<31 - 1, Coinbase: i%2 == 0},
				state: fresh,
			}
			op := wire.OutPoint{Index: uint32(i)}
			l.put(op, &want)
			got, known := l.get(op)
			require.True(t, known)
			require.True(t, bytes.Equal(want.Script, got.Script))
			got.Script = want.Script
			require.Equal(t, want, got)
		}
	}
	require.Len(t, l.names(), len(lengths))
	moved := newLayer()
	for _, op := range l.names() {
		moved.take(op, l.coins[op], l.long[op])
		moved.take(op, l.coins[op], l.long[op])
		l.drop(op)
		l.drop(op)
	}
	require.Len(t, moved.names(), len(lengths))
	for _, l := range []*layer{l, moved} {
		for _, op := range l.names() {
			l.drop(op)
		}
		require.Zero(t, l.size)
		require.Empty(t, l.coins)
		require.Empty(t, l.long)
	}
}

// What is read stays as it was when the layer changes.
func TestLayerGivesCopies(t *testing.T) {
	l := newLayer()
	for _, length := range []int{5, 500} {
		op := wire.OutPoint{Index: uint32(length)}
		script := bytes.Repeat([]byte{7}, length)
		l.put(op, &entry{Coin: Coin{Script: script}})
		got, _ := l.get(op)
		script[0] = 8
		l.put(op, &entry{Coin: Coin{Script: script}})
		require.Equal(t, byte(7), got.Script[0])
	}
}

func TestTrimGivesBackWhatIsWritten(t *testing.T) {
	db := openStore(t, t.TempDir())
	defer func() { require.NoError(t, db.Close()) }()
	c := open(t, db)
	add := func(index uint32) {
		require.NoError(t, change(c, func(v *View) { v.Add(wire.OutPoint{Index: index}, Coin{Script: []byte{1}}, true) }))
	}
	add(1)
	require.True(t, c.Whole())
	c.Trim(0)
	require.Equal(t, 1, c.Len(), "it is nowhere else")
	require.NoError(t, c.Flush())
	c.Trim(coinCost)
	require.Equal(t, 1, c.Len())
	add(2)
	c.Trim(2*coinCost - 1)
	require.Equal(t, 1, c.Len())
	require.EqualValues(t, coinCost, c.Size())
	require.False(t, c.Whole())
}
