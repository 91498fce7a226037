package compact

import (
	"errors"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// ErrAmbiguous is a compact block that may be good, but not for us: two
// transactions share a short identifier, or what was put together is not the
// block. The whole block will do.
var ErrAmbiguous = errors.New("compact block cannot be told apart")

// Partial is a block of which some transactions may be missing.
type Partial struct {
	block *Block
	txs   []*consensus.Tx // by position, nil where unknown
	at    map[uint64]int  // positions by short identifier
	open  int             // positions that are still unknown
	spent map[int]bool    // positions that two known transactions claim
}

// Begin places what came with the message. The error is ErrInvalid or
// ErrAmbiguous.
func Begin(b *Block) (*Partial, error) {
	p := &Partial{block: b, at: make(map[uint64]int, len(b.ShortIDs)), open: len(b.ShortIDs), spent: map[int]bool{}}
	if b.Len() == 0 || b.Len() > maxTxs || b.Len()*consensus.WitnessScale*minTxSize > consensus.MaxBlockWeight {
		return nil, ErrInvalid
	}
	p.txs = make([]*consensus.Tx, b.Len())
	for _, filled := range b.Prefilled {
		if filled.Index >= len(p.txs) {
			return nil, ErrInvalid // neither this transaction nor an identifier stands before it
		}
		p.txs[filled.Index] = filled.Tx
	}
	position := 0
	for _, id := range b.ShortIDs {
		for p.txs[position] != nil {
			position++
		}
		p.at[id] = position
		position++
	}
	if len(p.at) < len(b.ShortIDs) {
		return nil, ErrAmbiguous
	}
	return p, nil
}

// Offer places a transaction that we know, if it is one of the block. It reports
// false when nothing is missing any more.
func (p *Partial) Offer(wtxid *chainhash.Hash, tx *consensus.Tx) (more bool) {
	position, ok := p.at[p.block.ShortID(wtxid)]
	if !ok {
		return p.open > 0
	}
	switch held := p.txs[position]; {
	case p.spent[position]:
	case held == nil:
		p.txs[position] = tx
		p.open--
	case held.WitnessID != tx.WitnessID:
		// Two of ours have this identifier: the peer knows which is meant.
		p.txs[position], p.spent[position] = nil, true
		p.open++
	}
	return p.open > 0
}

// Missing lists the positions of the transactions that are not known.
func (p *Partial) Missing() []uint16 {
	missing := make([]uint16, 0, p.open)
	for i, tx := range p.txs {
		if tx == nil {
			missing = append(missing, uint16(i))
		}
	}
	return missing
}

// Fill places the transactions that answer getblocktxn for the given positions.
// The error is ErrInvalid.
func (p *Partial) Fill(asked []uint16, txs []*consensus.Tx) error {
	if len(asked) != len(txs) {
		return ErrInvalid
	}
	for i, position := range asked {
		if int(position) >= len(p.txs) {
			return ErrInvalid
		}
		p.txs[position] = txs[i]
	}
	return nil
}

// Complete makes the block. segwit tells that BIP141 is in force for it. The
// error is ErrAmbiguous if a transaction is missing, or if the block would not be
// that of the header: larger than a block may be, or of other transactions.
func (p *Partial) Complete(segwit bool) (*consensus.Block, error) {
	size := 0
	for _, tx := range p.txs {
		if tx == nil {
			return nil, ErrAmbiguous
		}
		if size += tx.Size; size > consensus.MaxBlockWeight {
			return nil, ErrAmbiguous
		}
	}
	block := consensus.NewBlock(p.block.Header, p.txs)
	if consensus.CheckMutated(block, segwit) != nil {
		return nil, ErrAmbiguous
	}
	return block, nil
}
