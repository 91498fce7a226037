// Package dump is the serialisation of Bitcoin Core's mempool.dat, of which it writes
// version 2, or 1 without obfuscation, and reads both.
//
// All numbers are little-endian. The file begins with its version (8 bytes); in version
// 2 a key follows, as a byte vector of 8 bytes, with which everything after it is XORed:
// the byte at position p of the file with byte p%8 of the key. Then come the number of
// transactions (8 bytes) and each of them with its witnesses, the time at which it
// entered (8 bytes, Unix seconds), and what prioritisetransaction has added to its fee
// (8 bytes, satoshi); a map from the txids of other transactions to what was added to
// theirs; and the txids of those that no peer has asked for yet.
//
// It is a pure core. What it reads may be damaged or made by anyone: no count is
// believed, and memory is taken for one transaction at a time.
package dump
