package feerate_test

import (
	"math"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/feerate"
)

// window has blocks up to a height, of which the mempool had so much.
func window(last uint64, pooled uint64) *feerate.Window {
	w := &feerate.Window{}
	for height := last - 6; height <= last; height++ {
		w.Connect(feerate.Mined{Height: height, Pooled: pooled, Weight: 1_000_000}, chainhash.Hash{byte(height)})
	}
	return w
}

func TestMempoolIsReliedOnIfBlocksComeFromIt(t *testing.T) {
	require.Equal(t, "Not enough recent block data for fee rate estimation", (&feerate.Window{}).Unreliable())
	require.Empty(t, window(106, 750_000).Unreliable())
	require.Equal(t, "Mempool is unreliable for fee rate estimation", window(106, 749_999).Unreliable())
	quiet := &feerate.Window{}
	for height := range uint64(6) {
		quiet.Connect(feerate.Mined{Height: height, Weight: 666_000}, chainhash.Hash{})
	}
	require.Empty(t, quiet.Unreliable(), "too few transactions to tell")
}

func TestWindowFollowsTheChain(t *testing.T) {
	w := window(106, 1)
	require.Len(t, w.Blocks(), 6)
	require.Equal(t, uint64(101), w.Blocks()[0].Height)
	w.Connect(feerate.Mined{Height: 105}, chainhash.Hash{}) // a reorganisation
	require.Len(t, w.Blocks(), 5)
	require.Equal(t, feerate.Mined{Height: 105}, w.Blocks()[4])
	w.Connect(feerate.Mined{Height: 107}, chainhash.Hash{}) // a gap
	require.Equal(t, []feerate.Mined{{Height: 107}}, w.Blocks())
}

func TestWindowFile(t *testing.T) {
	w := window(106, 1000)
	raw := w.Append(nil)
	require.Len(t, raw, 4+1+6*24+32)
	again, err := feerate.ReadWindow(raw, 106, chainhash.Hash{106})
	require.NoError(t, err)
	require.Equal(t, w.Blocks(), again.Blocks())
	require.Equal(t, raw, again.Append(nil))

	none, err := feerate.ReadWindow((&feerate.Window{}).Append(nil), 106, chainhash.Hash{106})
	require.NoError(t, err)
	require.Empty(t, none.Blocks())

	refused := func(text string, raw []byte, height int32, best chainhash.Hash) {
		t.Helper()
		_, err := feerate.ReadWindow(raw, height, best)
		require.ErrorContains(t, err, text)
	}
	refused("but the active chain tip is height 107", raw, 107, chainhash.Hash{106})
	refused("but the active chain tip is height 106", raw, 106, chainhash.Hash{107})
	for cut := range raw {
		refused("Unable to read", raw[:cut], 106, chainhash.Hash{106})
	}
	changed := func(at int, with ...byte) []byte {
		bad := append([]byte{}, raw...)
		copy(bad[at:], with)
		return bad
	}
	refused("file version not supported", changed(0, 2), 106, chainhash.Hash{106})
	refused("exceeds the maximum of 6", append(changed(4, 7), make([]byte, 24)...), 106, chainhash.Hash{106})
	refused("Unable to read", changed(4, 0xfe, 0xff, 0xff, 0xff, 0x01), 106, chainhash.Hash{106})
	refused("expected height 103 but found 104", changed(4+1+48, 104), 106, chainhash.Hash{106})
}

func FuzzReadWindow(f *testing.F) {
	f.Add(window(106, 1000).Append(nil))
	f.Fuzz(func(t *testing.T, raw []byte) {
		w, err := feerate.ReadWindow(raw, 106, chainhash.Hash{106})
		if err != nil {
			return
		}
		require.Equal(t, raw[:len(w.Append(nil))], w.Append(nil))
		w.Connect(feerate.Mined{Height: 107}, chainhash.Hash{})
		_ = w.Unreliable()
	})
}

func TestQuotes(t *testing.T) {
	require.Equal(t, int64(1004), feerate.Quote{Fee: 251, VSize: 250}.Rate())
	require.Equal(t, int64(333), feerate.Quote{Fee: 1, VSize: 3}.Rate())
	require.Zero(t, feerate.Quote{}.Rate())
	require.Zero(t, feerate.Quote{Fee: -5, VSize: 1}.Rate())
	require.Equal(t, int64(math.MaxInt64), feerate.Quote{Fee: math.MaxInt64, VSize: 1}.Rate())
	require.True(t, feerate.Quote{Fee: 1, VSize: 3}.Below(feerate.PerKvB(334)))
	require.False(t, feerate.PerKvB(1000).Below(feerate.Quote{Fee: 1, VSize: 1}))
	require.True(t, feerate.Quote{Fee: math.MaxInt64 - 1, VSize: 1000}.Below(feerate.Quote{Fee: math.MaxInt64, VSize: 1000}))
}

func TestLevels(t *testing.T) {
	floor := feerate.PerKvB(100)
	q := func(rate, vsize int64) feerate.Quote { return feerate.Quote{Fee: rate * vsize, VSize: vsize} }
	half, most := feerate.Levels(nil, floor)
	require.Equal(t, []feerate.Quote{floor, floor}, []feerate.Quote{half, most})
	taken := []feerate.Quote{q(9, 499_999), q(8, 1), q(7, 249_999)}
	half, most = feerate.Levels(taken, floor)
	require.Equal(t, []feerate.Quote{q(8, 1), floor}, []feerate.Quote{half, most})
	half, most = feerate.Levels(append(taken, q(6, 1), q(5, 250_000)), floor)
	require.Equal(t, []feerate.Quote{q(8, 1), q(6, 1)}, []feerate.Quote{half, most})
	half, most = feerate.Levels([]feerate.Quote{q(3, 1_000_000)}, floor)
	require.Equal(t, half, most)
}
