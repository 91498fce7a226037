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
				state: dirty,
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
	require.Len(t, l.dirty(), len(lengths))
	for i := range lengths[1:] {
		op := wire.OutPoint{Index: uint32(i)}
		l.remove(op, l.coins[op])
	}
	last := wire.OutPoint{Index: uint32(len(lengths) - 1)}
	l.put(last, &entry{state: dirty | spent})
	require.Equal(t, int64(coinCost), l.size)
	l.clean()
	require.Zero(t, l.size)
	require.Empty(t, l.coins)
	require.Empty(t, l.long)
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

func TestTrimEmptiesWhatIsTooLarge(t *testing.T) {
	c := &Cache{top: newLayer()}
	c.top.put(wire.OutPoint{}, &entry{Coin: Coin{Script: []byte{1}}})
	c.Trim(coinCost)
	require.Equal(t, 1, c.Len())
	c.Trim(coinCost - 1)
	require.Zero(t, c.Len())
	require.Zero(t, c.Size())
}
