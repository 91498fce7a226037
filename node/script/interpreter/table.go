package interpreter

import "github.com/btcsuite/btcd/txscript/v2"

// handler does what an opcode says.
type handler func(m *machine) *Error

// handlers has one for every opcode but pushes of data. Those that are not
// understood fail where they are executed; VERIF and VERNOTIF lie among the
// conditionals and so fail everywhere.
var handlers = func() (table [256]handler) {
	for op := range table {
		table[op] = badOpcode
	}
	for op, handle := range arithmetic {
		table[op] = handle
	}
	for op, handle := range others {
		table[op] = handle
	}
	for op := txscript.OP_1; op <= txscript.OP_16; op++ {
		table[op] = smallNumber
	}
	for op := txscript.OP_NOP4; op <= txscript.OP_NOP10; op++ {
		table[op] = upgradableNop
	}
	return table
}()

var others = map[byte]handler{
	txscript.OP_1NEGATE: smallNumber,

	txscript.OP_NOP:                 nop,
	txscript.OP_NOP1:                upgradableNop,
	txscript.OP_CHECKLOCKTIMEVERIFY: checkLockTimeVerify,
	txscript.OP_CHECKSEQUENCEVERIFY: checkSequenceVerify,
	txscript.OP_IF:                  ifOrNotIf,
	txscript.OP_NOTIF:               ifOrNotIf,
	txscript.OP_ELSE:                opElse,
	txscript.OP_ENDIF:               endIf,
	txscript.OP_VERIFY:              needs(1, verifying(nop, errVerify)),
	txscript.OP_RETURN:              opReturn,

	txscript.OP_TOALTSTACK:   needs(1, toAltStack),
	txscript.OP_FROMALTSTACK: fromAltStack,
	txscript.OP_2DROP:        drops(2),
	txscript.OP_2DUP:         copies(2, 1),
	txscript.OP_3DUP:         copies(3, 1),
	txscript.OP_2OVER:        copies(4, 3),
	txscript.OP_2ROT:         needs(6, twoRot),
	txscript.OP_2SWAP:        needs(4, twoSwap),
	txscript.OP_IFDUP:        needs(1, ifDup),
	txscript.OP_DEPTH:        depth,
	txscript.OP_DROP:         drops(1),
	txscript.OP_DUP:          copies(1, 1),
	txscript.OP_NIP:          needs(2, nip),
	txscript.OP_OVER:         copies(2, 2),
	txscript.OP_PICK:         needs(2, pickOrRoll),
	txscript.OP_ROLL:         needs(2, pickOrRoll),
	txscript.OP_ROT:          needs(3, rot),
	txscript.OP_SWAP:         needs(2, swap),
	txscript.OP_TUCK:         needs(2, tuck),
	txscript.OP_SIZE:         needs(1, size),

	txscript.OP_EQUAL:       needs(2, equal),
	txscript.OP_EQUALVERIFY: needs(2, verifying(equal, errEqualVerify)),

	txscript.OP_RIPEMD160: needs(1, hashTop),
	txscript.OP_SHA1:      needs(1, hashTop),
	txscript.OP_SHA256:    needs(1, hashTop),
	txscript.OP_HASH160:   needs(1, hashTop),
	txscript.OP_HASH256:   needs(1, hashTop),

	txscript.OP_CODESEPARATOR:       codeSeparator,
	txscript.OP_CHECKSIG:            needs(2, checkSig),
	txscript.OP_CHECKSIGVERIFY:      needs(2, verifying(checkSig, errCheckSigVerify)),
	txscript.OP_CHECKSIGADD:         checkSigAdd,
	txscript.OP_CHECKMULTISIG:       checkMultiSig,
	txscript.OP_CHECKMULTISIGVERIFY: verifying(checkMultiSig, errCheckMultiSigVerify),
}
