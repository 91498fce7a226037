package script

import (
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// Error is a script that failed. Its Reason is one of Bitcoin Core's texts.
type Error struct {
	Reason string
	Txid   chainhash.Hash
	Wtxid  chainhash.Hash
	Input  int
	Spent  wire.OutPoint
	Cause  error // the engine's
}

func (e *Error) Error() string { return e.Reason }

// Unwrap returns the engine's error.
func (e *Error) Unwrap() error { return e.Cause }

// Detail tells which input it was, in Bitcoin Core's words.
func (e *Error) Detail() string {
	return fmt.Sprintf("input %d of %s (wtxid %s), spending %s:%d", e.Input, e.Txid, e.Wtxid, e.Spent.Hash, e.Spent.Index)
}

func newError(job *Job, index int, cause error) *Error {
	why, ok := taprootReason(job, index, cause)
	if !ok {
		why = reason(cause)
	}
	return &Error{
		Reason: why, Txid: job.Tx.TxHash(), Wtxid: job.Wtxid, Input: index,
		Spent: job.Tx.TxIn[index].PreviousOutPoint, Cause: cause,
	}
}

func reason(err error) string {
	var e txscript.Error
	if !errors.As(err, &e) {
		return "unknown error"
	}
	switch e.ErrorCode {
	case txscript.ErrEvalFalse, txscript.ErrEmptyStack:
		return "Script evaluated without error but finished with a false/empty top stack element"
	case txscript.ErrVerify:
		return "Script failed an OP_VERIFY operation"
	case txscript.ErrEqualVerify:
		return "Script failed an OP_EQUALVERIFY operation"
	case txscript.ErrNumEqualVerify:
		return "Script failed an OP_NUMEQUALVERIFY operation"
	case txscript.ErrCheckSigVerify:
		return "Script failed an OP_CHECKSIGVERIFY operation"
	case txscript.ErrCheckMultiSigVerify:
		return "Script failed an OP_CHECKMULTISIGVERIFY operation"
	case txscript.ErrScriptTooBig:
		return "Script is too big"
	case txscript.ErrElementTooBig:
		return "Push value size limit exceeded"
	case txscript.ErrTooManyOperations:
		return "Operation limit exceeded"
	case txscript.ErrStackOverflow:
		return "Stack size limit exceeded"
	case txscript.ErrInvalidSignatureCount:
		return "Signature count negative or greater than pubkey count"
	case txscript.ErrInvalidPubKeyCount:
		return "Pubkey count negative or limit exceeded"
	case txscript.ErrReservedOpcode, txscript.ErrMalformedPush:
		return "Opcode missing or not understood"
	case txscript.ErrDisabledOpcode:
		return "Attempted to use a disabled opcode"
	case txscript.ErrNumberTooBig:
		return "Script number overflowed or is non-minimally encoded"
	case txscript.ErrInvalidStackOperation:
		return "Operation not valid with the current stack size"
	case txscript.ErrEarlyReturn:
		return "OP_RETURN was encountered"
	case txscript.ErrUnbalancedConditional:
		return "Invalid OP_IF construction"
	case txscript.ErrNegativeLockTime:
		return "Negative locktime"
	case txscript.ErrUnsatisfiedLockTime:
		return "Locktime requirement not satisfied"
	case txscript.ErrInvalidSigHashType:
		return "Signature hash type missing or not understood"
	case txscript.ErrMinimalData:
		return "Data push larger than necessary"
	case txscript.ErrNotPushOnly:
		return "Only push operators allowed in signatures"
	case txscript.ErrSigHighS:
		return "Non-canonical signature: S value is unnecessarily high"
	case txscript.ErrSigNullDummy:
		return "Dummy CHECKMULTISIG argument must be zero"
	case txscript.ErrMinimalIf:
		return "OP_IF/NOTIF argument must be minimal"
	case txscript.ErrNullFail:
		return "Signature must be zero for failed CHECK(MULTI)SIG operation"
	case txscript.ErrDiscourageUpgradableNOPs:
		return "NOPx reserved for soft-fork upgrades"
	case txscript.ErrDiscourageUpgradableWitnessProgram:
		return "Witness version reserved for soft-fork upgrades"
	case txscript.ErrDiscourageUpgradeableTaprootVersion:
		return "Taproot version reserved for soft-fork upgrades"
	case txscript.ErrDiscourageOpSuccess:
		return "OP_SUCCESSx reserved for soft-fork upgrades"
	case txscript.ErrDiscourageUpgradeablePubKeyType:
		return "Public key version reserved for soft-fork upgrades"
	case txscript.ErrPubKeyType:
		return "Public key is neither compressed or uncompressed"
	case txscript.ErrCleanStack:
		return "Stack size must be exactly one after execution"
	case txscript.ErrWitnessProgramWrongLength:
		return "Witness program has incorrect length"
	case txscript.ErrWitnessProgramEmpty:
		return "Witness program was passed an empty witness"
	case txscript.ErrWitnessProgramMismatch, txscript.ErrTaprootMerkleProofInvalid, txscript.ErrTaprootOutputKeyParityMismatch:
		return "Witness program hash mismatch"
	case txscript.ErrWitnessMalleated:
		return "Witness requires empty scriptSig"
	case txscript.ErrWitnessMalleatedP2SH:
		return "Witness requires only-redeemscript scriptSig"
	case txscript.ErrWitnessUnexpected:
		return "Witness provided for non-witness script"
	case txscript.ErrWitnessPubKeyType:
		return "Using non-compressed keys in segwit"
	case txscript.ErrInvalidTaprootSigLen:
		return "Invalid Schnorr signature size"
	case txscript.ErrTaprootSigInvalid:
		return "Invalid Schnorr signature"
	case txscript.ErrControlBlockTooSmall, txscript.ErrControlBlockTooLarge, txscript.ErrControlBlockInvalidLength:
		return "Invalid Taproot control block size"
	case txscript.ErrTaprootMaxSigOps:
		return "Too much signature validation relative to witness weight"
	case txscript.ErrTapscriptCheckMultisig:
		return "OP_CHECKMULTISIG(VERIFY) is not available in tapscript"
	case txscript.ErrTaprootPubkeyIsEmpty:
		return "Empty public key in tapscript"
	case txscript.ErrCodeSeparator:
		return "Using OP_CODESEPARATOR in non-witness script"
	case txscript.ErrNonConstScriptCode:
		return "Signature is found in scriptCode"
	}
	if e.ErrorCode >= txscript.ErrSigTooShort && e.ErrorCode <= txscript.ErrSigTooMuchSPadding {
		return "Non-canonical DER signature"
	}
	return "unknown error"
}
