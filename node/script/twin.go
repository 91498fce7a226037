package script

import (
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/bulkheadnode/bulkhead/node/script/interpreter"
)

// blockRules are those that a block can break. The others are policy.
const blockRules = txscript.ScriptBip16 | txscript.ScriptVerifyWitness | txscript.ScriptVerifyTaproot |
	txscript.ScriptVerifyDERSignatures | txscript.ScriptVerifyCheckLockTimeVerify |
	txscript.ScriptVerifyCheckSequenceVerify | txscript.ScriptStrictMultiSig

// execute runs an input's script in the interpreter. Before a block's is refused,
// btcd's engine is asked: to refuse what the network takes would part the node
// from it, so the two have to agree on that. Where policy has its rules too, the
// interpreter's word is enough: nothing but the mempool depends on it, and the
// engine takes seconds for what strangers can send for nothing. keyPath verifies the
// signature of a taproot key path, as interpreter.VerifyBy says.
func (v *Verifier) execute(in input, keyPath func(key, sig, hash []byte) bool) error {
	rules := in.tx.job.Flags
	ours := in.interpret(keyPath)
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

func (in input) interpret(keyPath func(key, sig, hash []byte) bool) *interpreter.Error {
	err := in.tx.run.VerifyBy(keyPath, in.index, in.tx.job.Flags)
	if err == nil {
		return nil
	}
	var failed *interpreter.Error
	errors.As(err, &failed)
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
