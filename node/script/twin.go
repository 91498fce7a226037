package script

import (
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/bulkheadnode/bulkhead/node/script/interpreter"
)

// blockRules are those that a block can break. The others are policy.
const blockRules = taproot | txscript.ScriptVerifyDERSignatures | txscript.ScriptVerifyCheckLockTimeVerify |
	txscript.ScriptVerifyCheckSequenceVerify | txscript.ScriptStrictMultiSig

// execute runs an input's script in the interpreter. Before a block's is refused,
// btcd's engine is asked: to refuse what the network takes would part the node
// from it, so the two have to agree on that. Where policy has its rules too, the
// interpreter's word is enough: nothing but the mempool depends on it, and the
// engine takes seconds for what strangers can send for nothing.
func (v *Verifier) execute(in input) error {
	rules := in.tx.job.Flags
	ours := in.interpret(rules)
	if ours == nil {
		return nil
	}
	if rules&^blockRules != 0 {
		return newError(in, ours, nil)
	}
	theirs := in.twin()
	if theirs == nil {
		v.disagreed(in.evidence(ours))
		return nil
	}
	return newError(in, ours, theirs)
}

func (in input) interpret(rules txscript.ScriptFlags) *interpreter.Error {
	var failed *interpreter.Error
	errors.As(in.tx.interpreted().Verify(in.index, rules), &failed)
	return failed
}

// twin runs an input's script in btcd's engine.
func (in input) twin() error {
	job := in.tx.job
	out := &job.Spent[in.index]
	engine, err := txscript.NewEngine(out.PkScript, job.Tx, in.index, job.Flags, nil, in.tx.sigHashes(), out.Value, in.tx)
	if err != nil {
		return err
	}
	return engine.Execute()
}

// evidence is all that is needed to find out who is right, in one line.
func (in input) evidence(ours *interpreter.Error) string {
	job := in.tx.job
	out := &job.Spent[in.index]
	return fmt.Sprintf("input %d of %s (wtxid %s), which spends %d satoshi of script %x under rules %#x: refused by the interpreter (%s), valid for btcd's engine",
		in.index, job.Tx.TxHash(), job.Wtxid, out.Value, out.PkScript, uint32(job.Flags), ours.Reason)
}
