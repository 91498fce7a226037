package interpreter

// Error is a script that failed. Its Reason is one of Bitcoin Core's texts
// (src/script/script_error.cpp).
type Error struct{ Reason string }

func (e *Error) Error() string { return e.Reason }

var (
	errEvalFalse           = &Error{"Script evaluated without error but finished with a false/empty top stack element"}
	errVerify              = &Error{"Script failed an OP_VERIFY operation"}
	errEqualVerify         = &Error{"Script failed an OP_EQUALVERIFY operation"}
	errCheckMultiSigVerify = &Error{"Script failed an OP_CHECKMULTISIGVERIFY operation"}
	errCheckSigVerify      = &Error{"Script failed an OP_CHECKSIGVERIFY operation"}
	errNumEqualVerify      = &Error{"Script failed an OP_NUMEQUALVERIFY operation"}
	errScriptSize          = &Error{"Script is too big"}
	errPushSize            = &Error{"Push value size limit exceeded"}
	errOpCount             = &Error{"Operation limit exceeded"}
	errStackSize           = &Error{"Stack size limit exceeded"}
	errSigCount            = &Error{"Signature count negative or greater than pubkey count"}
	errPubKeyCount         = &Error{"Pubkey count negative or limit exceeded"}

	errBadOpcode             = &Error{"Opcode missing or not understood"}
	errDisabledOpcode        = &Error{"Attempted to use a disabled opcode"}
	errInvalidStack          = &Error{"Operation not valid with the current stack size"}
	errInvalidAltStack       = &Error{"Operation not valid with the current altstack size"}
	errOpReturn              = &Error{"OP_RETURN was encountered"}
	errUnbalancedConditional = &Error{"Invalid OP_IF construction"}
	errNegativeLockTime      = &Error{"Negative locktime"}
	errUnsatisfiedLockTime   = &Error{"Locktime requirement not satisfied"}
	errScriptNum             = &Error{"Script number overflowed or is non-minimally encoded"}

	errSigHashType      = &Error{"Signature hash type missing or not understood"}
	errSigDER           = &Error{"Non-canonical DER signature"}
	errMinimalData      = &Error{"Data push larger than necessary"}
	errSigPushOnly      = &Error{"Only push operators allowed in signatures"}
	errSigHighS         = &Error{"Non-canonical signature: S value is unnecessarily high"}
	errSigNullDummy     = &Error{"Dummy CHECKMULTISIG argument must be zero"}
	errPubKeyType       = &Error{"Public key is neither compressed or uncompressed"}
	errCleanStack       = &Error{"Stack size must be exactly one after execution"}
	errMinimalIf        = &Error{"OP_IF/NOTIF argument must be minimal"}
	errSigNullFail      = &Error{"Signature must be zero for failed CHECK(MULTI)SIG operation"}
	errCodeSeparator    = &Error{"Using OP_CODESEPARATOR in non-witness script"}
	errSigFindAndDelete = &Error{"Signature is found in scriptCode"}

	errDiscourageNops           = &Error{"NOPx reserved for soft-fork upgrades"}
	errDiscourageWitnessProgram = &Error{"Witness version reserved for soft-fork upgrades"}
	errDiscourageTaproot        = &Error{"Taproot version reserved for soft-fork upgrades"}
	errDiscourageOpSuccess      = &Error{"OP_SUCCESSx reserved for soft-fork upgrades"}
	errDiscouragePubKeyType     = &Error{"Public key version reserved for soft-fork upgrades"}

	errWitnessLength        = &Error{"Witness program has incorrect length"}
	errWitnessEmpty         = &Error{"Witness program was passed an empty witness"}
	errWitnessMismatch      = &Error{"Witness program hash mismatch"}
	errWitnessMalleated     = &Error{"Witness requires empty scriptSig"}
	errWitnessMalleatedP2SH = &Error{"Witness requires only-redeemscript scriptSig"}
	errWitnessUnexpected    = &Error{"Witness provided for non-witness script"}
	errWitnessPubKeyType    = &Error{"Using non-compressed keys in segwit"}

	errSchnorrSigSize     = &Error{"Invalid Schnorr signature size"}
	errSchnorrSigHashType = &Error{"Invalid Schnorr signature hash type"}
	errSchnorrSig         = &Error{"Invalid Schnorr signature"}
	errTaprootControlSize = &Error{"Invalid Taproot control block size"}
	errValidationWeight   = &Error{"Too much signature validation relative to witness weight"}
	errTapCheckMultiSig   = &Error{"OP_CHECKMULTISIG(VERIFY) is not available in tapscript"}
	errTapMinimalIf       = &Error{"OP_IF/NOTIF argument must be minimal in tapscript"}
	errTapEmptyPubKey     = &Error{"Empty public key in tapscript"}
)
