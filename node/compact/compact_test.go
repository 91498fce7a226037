package compact

import (
	"math/rand/v2"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// blockOf returns a block of n transactions beside its coinbase.
func blockOf(t testing.TB, n int) *consensus.Block {
	genesis := chaintest.Genesis(t, chaintest.Regtest(t))
	var txs []*consensus.Tx
	for i := range n {
		txs = append(txs, chaintest.Spend([]wire.OutPoint{{Hash: genesis.Hash, Index: uint32(i)}}, int64(1000+i)))
	}
	return genesis.Next(txs...).Block
}

// A block is put together from what was prefilled, known and asked for, whatever
// comes which way.
func TestBlocksArePutTogether(t *testing.T) {
	block := blockOf(t, 40)
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var prefill []int
		var known []*consensus.Tx
		for i, tx := range block.Txs[1:] {
			switch rng.IntN(3) {
			case 0:
				prefill = append(prefill, i+1)
			case 1:
				known = append(known, tx)
			}
		}
		parsed, err := Parse(Encode(block, rng.Uint64(), prefill))
		require.NoError(t, err)
		require.Equal(t, block.Hash, parsed.Hash)
		require.Equal(t, len(block.Txs), parsed.Len())
		require.Len(t, parsed.Prefilled, len(prefill)+1)
		p, err := Begin(parsed)
		require.NoError(t, err)
		missing := len(block.Txs) - 1 - len(prefill)
		for _, tx := range known {
			missing--
			require.Equal(t, missing > 0, p.Offer(&tx.WitnessID, tx))
		}
		asked := p.Missing()
		require.Len(t, asked, missing)
		raw, ok := EncodeTxs(block, asked)
		require.True(t, ok)
		txs, err := ParseTxs(raw[len(block.Hash):])
		require.NoError(t, err)
		require.NoError(t, p.Fill(asked, txs))
		whole, err := p.Complete(true)
		require.NoError(t, err)
		require.Equal(t, block.Raw, whole.Raw)
		require.Equal(t, block.Hash, whole.Hash)
	}
}

// The vector of 32 bytes of SipHash-2-4's authors.
func TestShortIDs(t *testing.T) {
	var b Block
	b.key = [16]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	var wtxid [32]byte
	for i := range wtxid {
		wtxid[i] = byte(i)
	}
	h := chainhash.Hash(wtxid)
	require.Equal(t, uint64(0x7127512f72f27cce)&(1<<48-1), b.ShortID(&h))
}

func TestWhatIsWrongIsTold(t *testing.T) {
	block := blockOf(t, 3)
	begin := func(change func(*Block)) error {
		parsed, err := Parse(Encode(block, 7, nil))
		require.NoError(t, err)
		change(parsed)
		_, err = Begin(parsed)
		return err
	}
	require.NoError(t, begin(func(*Block) {}))
	require.ErrorIs(t, begin(func(b *Block) { b.ShortIDs[1] = b.ShortIDs[0] }), ErrAmbiguous)
	require.ErrorIs(t, begin(func(b *Block) { b.Prefilled[0].Index = 4 }), ErrInvalid)
	require.ErrorIs(t, begin(func(b *Block) { b.ShortIDs, b.Prefilled = nil, nil }), ErrInvalid)

	parsed, err := Parse(Encode(block, 7, nil))
	require.NoError(t, err)
	p, err := Begin(parsed)
	require.NoError(t, err)
	require.ErrorIs(t, p.Fill([]uint16{1, 2}, block.Txs[1:2]), ErrInvalid)
	require.ErrorIs(t, p.Fill([]uint16{9}, block.Txs[1:2]), ErrInvalid)
	_, err = p.Complete(true)
	require.ErrorIs(t, err, ErrAmbiguous, "something is missing")
	require.NoError(t, p.Fill([]uint16{1, 2, 3}, []*consensus.Tx{block.Txs[2], block.Txs[1], block.Txs[3]}))
	_, err = p.Complete(true)
	require.ErrorIs(t, err, ErrAmbiguous, "another merkle root")

	for _, indexes := range [][]uint16{{4}, {1, 1}, {2, 1}} {
		_, ok := EncodeTxs(block, indexes)
		require.False(t, ok)
	}
}

// Two transactions that we know have the identifier of one: neither is taken, and
// the peer is asked.
func TestCollisionsAreAskedFor(t *testing.T) {
	block := blockOf(t, 2)
	parsed, err := Parse(Encode(block, 7, nil))
	require.NoError(t, err)
	twin := blockOf(t, 9).Txs[9]
	parsed.ShortIDs[0] = parsed.ShortID(&twin.WitnessID)
	p, err := Begin(parsed)
	require.NoError(t, err)
	p.at[parsed.ShortID(&block.Txs[1].WitnessID)] = 1 // both are at the same place now
	require.True(t, p.Offer(&twin.WitnessID, twin))
	require.True(t, p.Offer(&twin.WitnessID, twin), "the same one twice is no collision")
	require.Equal(t, []uint16{2}, p.Missing())
	require.True(t, p.Offer(&block.Txs[1].WitnessID, block.Txs[1]))
	require.Equal(t, []uint16{1, 2}, p.Missing())
	require.True(t, p.Offer(&twin.WitnessID, twin))
	require.Equal(t, []uint16{1, 2}, p.Missing())
}

func TestTruncatedMessagesAreMalformed(t *testing.T) {
	block := blockOf(t, 3)
	raw := Encode(block, 7, []int{2})
	for n := range raw {
		_, err := Parse(raw[:n])
		require.ErrorIs(t, err, ErrMalformed, n)
	}
	txs, _ := EncodeTxs(block, []uint16{1, 2})
	for n := 32; n < len(txs); n++ {
		_, err := ParseTxs(txs[32:n])
		require.ErrorIs(t, err, ErrMalformed, n)
	}
	// 16 bits are exceeded by the distance of one, or by their sum.
	head := raw[:headSize]
	coinbase := block.Txs[0].Raw()
	for _, distances := range [][]int{{1 << 16}, {1<<16 - 1, 0}} {
		far := append(append([]byte{}, head...), 0)
		far = appendNumber(far, len(distances))
		for _, d := range distances {
			far = append(appendNumber(far, d), coinbase...)
		}
		parsed, err := Parse(far)
		if err == nil {
			_, err = Begin(parsed)
		}
		require.Error(t, err)
	}
}

// Nothing that a peer sends as a compact block, and as the transactions to it,
// makes us do more than refuse it.
func FuzzPutTogether(f *testing.F) {
	block := blockOf(f, 4)
	txs, _ := EncodeTxs(block, []uint16{1, 3})
	f.Add(Encode(block, 7, []int{2}), txs[32:])
	f.Add(Encode(block, 8, nil), []byte{0})
	f.Fuzz(func(t *testing.T, raw, filling []byte) {
		parsed, err := Parse(raw)
		if err != nil {
			return
		}
		p, err := Begin(parsed)
		if err != nil {
			return
		}
		for _, tx := range block.Txs {
			p.Offer(&tx.WitnessID, tx)
		}
		missing := p.Missing()
		if given, err := ParseTxs(filling); err == nil {
			_ = p.Fill(missing, given)
		}
		if whole, err := p.Complete(true); err == nil && whole.Hash != parsed.Hash {
			t.Fatal("another block came out")
		}
	})
}
