package chain

import (
	"fmt"

	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// Levels of Verify, each of which includes those below it.
const (
	VerifyReads      = 0 // blocks can be read
	VerifyBlocks     = 1 // and keep the rules that need no context
	VerifyUndo       = 2 // and their undo data can be read
	VerifyDisconnect = 3 // and fits the UTXO set when they are taken back
	VerifyConnect    = 4 // and they are valid when they are connected again
)

// maxVerifyCoins bounds the memory of Verify: blocks that change more coins
// than this together are not taken back any further.
const maxVerifyCoins = 4 << 20

// ErrVerify is a block or a UTXO set that is not as it should be.
const ErrVerify Kind = "chain: verification failed"

// ErrVerifyPruned is an end of Verify before its time: the block is pruned, or
// one of those that an assumed set stands for.
const ErrVerifyPruned Kind = "chain: block data is pruned"

// VerifyError tells what Verify found.
type VerifyError struct {
	Block *BlockNode
	What  string
	Cause error
}

func (e *VerifyError) Error() string {
	return fmt.Sprintf("%s at %d, hash=%s: %v", e.What, e.Block.Height, e.Block.Hash, e.Cause)
}

// Unwrap returns ErrVerify and the cause.
func (e *VerifyError) Unwrap() []error { return []error{ErrVerify, e.Cause} }

// Verify looks through the last blocks of the best chain, all if count is zero
// or less, and changes nothing. It returns how many blocks and transactions it
// looked at, and the *VerifyError of the first fault. It needs what Advance
// needs: nothing else may change the chain meanwhile.
func (e *Engine) Verify(level, count int) (blocks, txs int, err error) {
	tip := e.current.Tip()
	if count <= 0 || count > int(tip.Height) {
		count = int(tip.Height)
	}
	view := e.coins.NewView()
	disconnecting := level >= VerifyDisconnect
	var again []*BlockNode
	for n := tip; blocks < count; n = n.Parent {
		if e.cfg.Interrupted() {
			return blocks, txs, ErrInterrupted
		}
		if e.IsPruned(n) || e.unproven(n) {
			return blocks, txs, &VerifyError{n, "no data", ErrVerifyPruned}
		}
		disconnecting = disconnecting && view.Len() < maxVerifyCoins
		b, err := e.verifyBlock(n, level, disconnecting, view)
		if err != nil {
			return blocks, txs, err
		}
		if disconnecting {
			again = append(again, n)
		}
		blocks, txs = blocks+1, txs+len(b.Txs)
	}
	if level >= VerifyConnect {
		err = e.verifyConnect(again, view)
	}
	return blocks, txs, err
}

func (e *Engine) verifyBlock(n *BlockNode, level int, disconnect bool, view *coins.View) (*consensus.Block, error) {
	b, err := e.ReadBlock(n)
	if err != nil {
		return nil, &VerifyError{n, "block cannot be read", err}
	}
	if level >= VerifyBlocks {
		if err := consensus.CheckBlock(b, e.params); err != nil {
			return nil, &VerifyError{n, "found bad block", err}
		}
	}
	if level < VerifyUndo {
		return b, nil
	}
	undo, err := e.ReadUndo(n)
	if err != nil {
		return nil, &VerifyError{n, "found bad undo data", err}
	}
	if disconnect {
		clean, err := unspendBlock(n, b, undo, view)
		if err == nil && !clean {
			err = ErrUndo
		}
		if err != nil {
			return nil, &VerifyError{n, "irrecoverable inconsistency in block data", err}
		}
	}
	return b, nil
}

// verifyConnect connects blocks again, highest first in the list.
func (e *Engine) verifyConnect(list []*BlockNode, view *coins.View) error {
	for i := len(list) - 1; i >= 0; i-- {
		n := list[i]
		if e.cfg.Interrupted() {
			return ErrInterrupted
		}
		b, err := e.ReadBlock(n)
		if err == nil {
			_, err = e.spendBlock(n, b, view, true)
		}
		if err != nil {
			return &VerifyError{n, "found unconnectable block", err}
		}
	}
	return nil
}
