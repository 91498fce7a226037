package mining

import (
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// Job says what block to build.
type Job struct {
	Params  *consensus.Params
	Parent  chainhash.Hash
	Height  int32 // of the new block
	Version int32
	Bits    uint32
	Time    int64
	Script  []byte // of the output that gets subsidy and fees
	Fees    int64
	Txs     []*consensus.Tx // parents before children
}

// EarliestTime returns the least time that a block may have: after the median
// time past of its parent, and by BIP94, which is heeded everywhere, not far
// before its parent at the start of a period.
func EarliestTime(p *consensus.Params, height int32, parentMedian, parentTime int64) int64 {
	earliest := parentMedian + 1
	if height%p.Interval == 0 {
		earliest = max(earliest, parentTime-consensus.MaxTimewarpSeconds)
	}
	return earliest
}

// Assemble builds a block that lacks a valid nonce.
func Assemble(job Job) *consensus.Block {
	coinbase := &wire.MsgTx{
		Version: 2,
		TxIn: []*wire.TxIn{{
			PreviousOutPoint: wire.OutPoint{Index: 1<<32 - 1},
			SignatureScript:  coinbaseScript(job.Height),
			Sequence:         wire.MaxTxInSequenceNum - 1,
		}},
		TxOut:    []*wire.TxOut{{Value: job.Fees + job.Params.Subsidy(job.Height), PkScript: job.Script}},
		LockTime: uint32(job.Height - 1),
	}
	txs := append([]*consensus.Tx{nil}, job.Txs...)
	commit(coinbase, txs, job)
	txs[0] = consensus.NewTx(coinbase)
	root, _ := consensus.MerkleRoot(txs)
	return consensus.NewBlock(wire.BlockHeader{
		Version: job.Version, PrevBlock: job.Parent, MerkleRoot: root,
		Timestamp: time.Unix(job.Time, 0), Bits: job.Bits,
	}, txs)
}

// coinbaseScript is the height (BIP34); one byte alone would be too short.
func coinbaseScript(height int32) []byte {
	script := consensus.HeightScript(height)
	if len(script) == 1 {
		script = append(script, txscript.OP_0)
	}
	return script
}

// commit adds the witness commitment. Its output is there even before segwit
// is in force; its witness only afterwards.
func commit(coinbase *wire.MsgTx, txs []*consensus.Tx, job Job) {
	var reserved [chainhash.HashSize]byte
	hash := consensus.CommitmentHash(consensus.WitnessMerkleRoot(txs), reserved[:])
	coinbase.TxOut = append(coinbase.TxOut, &wire.TxOut{PkScript: consensus.CommitmentScript(hash)})
	if job.Height >= job.Params.SegwitHeight {
		coinbase.TxIn[0].Witness = wire.TxWitness{reserved[:]}
	}
}

// Solve searches for a nonce from zero, at most tries times, and returns the
// solved block and the tries that are left; nil if there was no luck.
func Solve(b *consensus.Block, p *consensus.Params, tries uint64) (*consensus.Block, uint64) {
	header := b.Header
	for header.Nonce = 0; tries > 0; tries-- {
		hash := header.BlockHash()
		if consensus.CheckProofOfWork(&hash, header.Bits, p) {
			return consensus.NewBlock(header, b.Txs), tries
		}
		if header.Nonce == 1<<32-1 {
			return nil, tries
		}
		header.Nonce++
	}
	return nil, 0
}
