package psbt

// Types of global records.
const (
	globalTx          = 0x00
	globalXPub        = 0x01
	globalTxVersion   = 0x02
	globalLockTime    = 0x03
	globalInputCount  = 0x04
	globalOutputCount = 0x05
	globalModifiable  = 0x06
	globalVersion     = 0xfb
)

// Types of an input's records.
const (
	inNonWitnessUTXO = 0x00
	inWitnessUTXO    = 0x01
	inSignature      = 0x02
	inHashType       = 0x03
	inRedeem         = 0x04
	inWitnessScript  = 0x05
	inOrigin         = 0x06
	inScriptSig      = 0x07
	inWitness        = 0x08
	inRIPEMD160      = 0x0a // and SHA256, HASH160, HASH256
	inHash256        = 0x0d
	inTxID           = 0x0e
	inIndex          = 0x0f
	inSequence       = 0x10
	inTimeLock       = 0x11
	inHeightLock     = 0x12
	inTapSignature   = 0x13
	inTapScriptSig   = 0x14
	inTapLeaf        = 0x15
	inTapOrigin      = 0x16
	inTapInternal    = 0x17
	inTapRoot        = 0x18
	inParticipants   = 0x1a
	inNonce          = 0x1b
	inPartial        = 0x1c
)

// Types of an output's records.
const (
	outRedeem        = 0x00
	outWitnessScript = 0x01
	outOrigin        = 0x02
	outAmount        = 0x03
	outScript        = 0x04
	outTapInternal   = 0x05
	outTapTree       = 0x06
	outTapOrigin     = 0x07
	outParticipants  = 0x08
)

// proprietary is the type of what an application adds, in every map.
const proprietary = 0xfc

// separator ends a map: a key without bytes.
const separator = 0x00

// keyBytes is the length of a compressed public key, and hashBytes of a hash.
const (
	keyBytes     = 33
	longKeyBytes = 65
	xonlyBytes   = 32
	hashBytes    = 32
)

// magic is what a packet begins with.
const magic = "psbt\xff"
