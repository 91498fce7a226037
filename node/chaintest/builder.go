package chaintest

import (
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mining"
)

// Spot is a block at its place in a chain that a test builds.
type Spot struct {
	*consensus.Block
	Height int32
	Parent *Spot

	t testing.TB
	p *consensus.Params
}

// anyoneCanSpend is the script of the outputs that a Spot makes.
var anyoneCanSpend = []byte{txscript.OP_TRUE}

// Regtest returns the parameters of regtest.
func Regtest(t testing.TB) *consensus.Params {
	t.Helper()
	p, err := consensus.ForChain(chains.Regtest, "")
	require.NoError(t, err)
	return p
}

// Genesis is where chains begin.
func Genesis(t testing.TB, p *consensus.Params) *Spot {
	t.Helper()
	coinbase := consensus.NewTx(p.GenesisBlock.Transactions[0])
	return &Spot{Block: consensus.NewBlock(p.GenesisBlock.Header, []*consensus.Tx{coinbase}), t: t, p: p}
}

// Time returns the header's time.
func (s *Spot) Time() int64 { return s.Header.Timestamp.Unix() }

// Job returns what Next builds, for changing it.
func (s *Spot) Job() mining.Job {
	return mining.Job{
		Params: s.p, Parent: s.Hash, Height: s.Height + 1, Version: 0x20000000, Bits: s.Header.Bits,
		Time: s.Time() + 60, Script: anyoneCanSpend,
	}
}

// Next returns a block on top with the given transactions, whose fees are lost.
func (s *Spot) Next(txs ...*consensus.Tx) *Spot {
	job := s.Job()
	job.Txs = txs
	return s.Build(job)
}

// Build returns the block of a job.
func (s *Spot) Build(job mining.Job) *Spot { return s.Put(mining.Assemble(job)) }

// Put solves a block and returns it as a child.
func (s *Spot) Put(b *consensus.Block) *Spot {
	s.t.Helper()
	solved, _ := mining.Solve(b, s.p, 1<<20)
	require.NotNil(s.t, solved, "no nonce found")
	return &Spot{Block: solved, Height: s.Height + 1, Parent: s, t: s.t, p: s.p}
}

// Change returns a child like Next's whose header and transactions fn has
// changed. The merkle root is that of the transactions unless fn sets it.
func (s *Spot) Change(txs []*consensus.Tx, fn func(*wire.BlockHeader, []*consensus.Tx) []*consensus.Tx) *Spot {
	job := s.Job()
	job.Txs = txs
	b := mining.Assemble(job)
	header := b.Header
	header.MerkleRoot = chainhash.Hash{}
	changed := fn(&header, b.Txs)
	if header.MerkleRoot == (chainhash.Hash{}) {
		header.MerkleRoot, _ = consensus.MerkleRoot(changed)
	}
	return s.Put(consensus.NewBlock(header, changed))
}

// Extend returns the last of n blocks on top, made different from others by a
// tag in their coinbases.
func (s *Spot) Extend(n int, tag byte) *Spot {
	for range n {
		job := s.Job()
		job.Script = []byte{txscript.OP_DATA_1, tag, txscript.OP_DROP, txscript.OP_TRUE}
		s = s.Build(job)
	}
	return s
}

// Path returns the blocks after genesis up to this one.
func (s *Spot) Path() []*Spot {
	if s.Parent == nil {
		return nil
	}
	return append(s.Parent.Path(), s)
}

// Coinbase returns the first output of the block at height below this one.
func (s *Spot) Coinbase(height int32) wire.OutPoint {
	for s.Height > height {
		s = s.Parent
	}
	return wire.OutPoint{Hash: s.Txs[0].ID}
}

// Spend makes a transaction from outputs that anyone can spend to new ones of
// the given values.
func Spend(from []wire.OutPoint, values ...int64) *consensus.Tx {
	tx := &wire.MsgTx{Version: 2}
	for _, op := range from {
		tx.TxIn = append(tx.TxIn, &wire.TxIn{PreviousOutPoint: op, Sequence: wire.MaxTxInSequenceNum})
	}
	for _, value := range values {
		tx.TxOut = append(tx.TxOut, &wire.TxOut{Value: value, PkScript: anyoneCanSpend})
	}
	return consensus.NewTx(tx)
}
