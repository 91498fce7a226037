package consensus

import (
	"bytes"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
)

// CheckBlock verifies the rules that need no context. Once passed, it is not
// repeated for the same Block.
func CheckBlock(b *Block, p *Params) error {
	if b.checked {
		return nil
	}
	if !CheckProofOfWork(&b.Hash, b.Header.Bits, p) {
		return Rejectf(InvalidHeader, "high-hash", "proof of work failed")
	}
	if p.SignetChallenge != nil && !checkSignet(b, p) {
		return Rejectf(Invalid, "bad-signet-blksig", "signet block signature validation failure")
	}
	if err := CheckContents(b); err != nil {
		return err
	}
	b.checked = true
	return nil
}

// CheckContents is CheckBlock without proof of work.
func CheckContents(b *Block) error {
	// Whether these are the header's transactions comes before anything that
	// would condemn the header for them.
	if err := CheckMerkle(b); err != nil {
		return err
	}
	if len(b.Txs) == 0 || len(b.Txs)*WitnessScale > MaxBlockWeight || b.StrippedSize()*WitnessScale > MaxBlockWeight {
		return Rejectf(Invalid, "bad-blk-length", "size limits failed")
	}
	if !b.Txs[0].IsCoinbase() {
		return Rejectf(Invalid, "bad-cb-missing", "first tx is not coinbase")
	}
	for _, tx := range b.Txs[1:] {
		if tx.IsCoinbase() {
			return Rejectf(Invalid, "bad-cb-multiple", "more than one coinbase")
		}
	}
	sigOps := 0
	for _, tx := range b.Txs {
		if err := CheckTx(tx); err != nil {
			return Rejectf(Invalid, err.Reason, "Transaction check failed (tx hash %s) %s", tx.ID, err.Detail)
		}
		sigOps += legacySigOps(tx)
	}
	if sigOps*WitnessScale > MaxBlockSigOpsCost {
		return Rejectf(Invalid, "bad-blk-sigops", "out-of-bounds SigOpCount")
	}
	return nil
}

// CheckMerkle verifies that the transactions are those of the header.
func CheckMerkle(b *Block) error {
	if b.rooted {
		return nil
	}
	root, mutated := MerkleRoot(b.Txs)
	if root != b.Header.MerkleRoot {
		return Rejectf(Mutated, "bad-txnmrklroot", "hashMerkleRoot mismatch")
	}
	if mutated {
		return Rejectf(Mutated, "bad-txns-duplicate", "duplicate transaction")
	}
	b.rooted = true
	return nil
}

// CheckMutated verifies that a block is the one that its header means: CheckMerkle
// and CheckWitness. Without a coinbase there is no commitment to verify; such a
// block is invalid, unless one of its transactions can be taken for an inner node
// of the merkle tree, when it may not be the header's.
func CheckMutated(b *Block, segwit bool) error {
	if err := CheckMerkle(b); err != nil {
		return err
	}
	if len(b.Txs) > 0 && b.Txs[0].IsCoinbase() {
		return CheckWitness(b, segwit)
	}
	for _, tx := range b.Txs {
		if tx.StrippedSize == 2*chainhash.HashSize {
			return Rejectf(Mutated, "bad-txnmrklroot", "transaction of the size of an inner node")
		}
	}
	return nil
}

// CheckWitness verifies that witness data is what the coinbase commits to, or
// that there is none if segwit is not in force.
func CheckWitness(b *Block, segwit bool) error {
	if segwit {
		if index := CommitmentIndex(b.Txs[0]); index >= 0 {
			return checkCommitment(b, b.Txs[0].TxOut[index].PkScript)
		}
	}
	if b.HasWitness() {
		return Rejectf(Mutated, "unexpected-witness", "CheckWitnessMalleation : unexpected witness data found")
	}
	return nil
}

func checkCommitment(b *Block, script []byte) error {
	if b.committed {
		return nil
	}
	const offset = len(commitmentHeader)
	witness := b.Txs[0].TxIn[0].Witness
	if len(witness) != 1 || len(witness[0]) != 32 {
		return Rejectf(Mutated, "bad-witness-nonce-size", "CheckWitnessMalleation : invalid witness reserved value size")
	}
	hash := CommitmentHash(WitnessMerkleRoot(b.Txs), witness[0])
	if !bytes.Equal(hash[:], script[offset:offset+len(hash)]) {
		return Rejectf(Mutated, "bad-witness-merkle-match", "CheckWitnessMalleation : witness merkle commitment mismatch")
	}
	b.committed = true
	return nil
}

// Context is what the rules for a block's contents need to know of its place.
type Context struct {
	Height     int32
	MedianTime int64 // of the block before it (BIP113)
}

// CheckPlaced verifies the rules for a block's contents that depend on its
// place in the chain.
func CheckPlaced(b *Block, at Context, p *Params) error {
	cutoff := b.Header.Timestamp.Unix()
	if at.Height >= p.CSVHeight {
		cutoff = at.MedianTime
	}
	for _, tx := range b.Txs {
		if !IsFinal(tx, at.Height, cutoff) {
			return Rejectf(Invalid, "bad-txns-nonfinal", "non-final transaction")
		}
	}
	if at.Height >= p.BIP34Height && !bytes.HasPrefix(b.Txs[0].TxIn[0].SignatureScript, HeightScript(at.Height)) {
		return Rejectf(Invalid, "bad-cb-height", "block height mismatch in coinbase")
	}
	if err := CheckWitness(b, at.Height >= p.SegwitHeight); err != nil {
		return err
	}
	// The weight of the coinbase's witness is not committed to, so this comes
	// after its check.
	if b.Weight() > MaxBlockWeight {
		return Rejectf(Invalid, "bad-blk-weight", "ContextualCheckBlock : weight limit failed")
	}
	return nil
}

// HeightScript is what a coinbase must begin with (BIP34).
func HeightScript(height int32) []byte {
	switch {
	case height == 0:
		return []byte{txscript.OP_0}
	case height <= 16:
		return []byte{byte(txscript.OP_1 - 1 + height)}
	}
	var number []byte
	for n := height; n > 0; n >>= 8 {
		number = append(number, byte(n))
	}
	if number[len(number)-1]&0x80 != 0 {
		number = append(number, 0)
	}
	return append([]byte{byte(len(number))}, number...)
}
