package script

import (
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/script/interpreter"
)

// Error is a script that failed. Its Reason is one of Bitcoin Core's texts.
type Error struct {
	Reason string
	Txid   chainhash.Hash
	Wtxid  chainhash.Hash
	Input  int
	Spent  wire.OutPoint
	Cause  error // what btcd's engine says, or the interpreter if that is alone
}

func (e *Error) Error() string { return e.Reason }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Detail tells which input it was, in Bitcoin Core's words.
func (e *Error) Detail() string {
	return fmt.Sprintf("input %d of %s (wtxid %s), spending %s:%d", e.Input, e.Txid, e.Wtxid, e.Spent.Hash, e.Spent.Index)
}

func newError(in input, ours *interpreter.Error, theirs error) *Error {
	job := in.tx.job
	cause := theirs
	if cause == nil {
		cause = ours
	}
	return &Error{
		Reason: ours.Reason, Txid: job.Tx.TxHash(), Wtxid: job.Wtxid, Input: in.index,
		Spent: job.Tx.TxIn[in.index].PreviousOutPoint, Cause: cause,
	}
}
