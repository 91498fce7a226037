// Package keys derives a wallet's keys: BIP32 from one seed, along the paths
// of BIP84 (m/84'/coin'/0'/change/index), for native P2WPKH outputs.
//
// It is pure: the seed is an input, nothing is stored, no clock, no
// randomness. Secrets that it copies out are wiped by Zero or by the caller that
// gets them.
package keys
