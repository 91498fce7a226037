// Package psbt reads, writes, merges, updates, signs and finalises partially signed
// transactions: BIP174 (version 0), BIP370 (version 2), the fields of BIP371 (taproot)
// and those of BIP373 (MuSig2). What is accepted, the texts of errors, and the order in
// which a packet is written are Bitcoin Core's (src/psbt.h, src/psbt.cpp), so that both
// write the same of the same.
//
// It is a codec of our own because btcsuite's has no release for the versioned modules
// that we use, knows neither version 2 nor MuSig2, and does not say what is wrong in the
// words that clients know.
//
// A packet is hostile: nothing is allocated for a count or a length that the bytes do
// not bear out, and whoever calls bounds the bytes. It is pure; scripts are run by a
// sign.Checker. A Packet refers to the bytes it was parsed from.
package psbt
