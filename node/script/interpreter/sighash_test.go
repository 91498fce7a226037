package interpreter

import "github.com/btcsuite/btcd/txscript/v2"

// legacyHash is signatureHash for hash types of four bytes.
func legacyHash(tx *Tx, index int, code []byte, hashType uint32) []byte {
	m := machines.Get().(*machine)
	defer m.release()
	m.tx, m.index = tx, index
	if hashType&outputMask == uint32(txscript.SigHashSingle) && index >= len(tx.tx.TxOut) {
		return one[:]
	}
	m.writeLegacy(code, byte(hashType))
	return append([]byte(nil), m.finish(hashType)...)
}
