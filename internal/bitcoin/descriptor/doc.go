// Package descriptor reads output script descriptors (BIP380 to BIP386) and
// turns them into scripts: pk, pkh, wpkh, combo, multi, sortedmulti, tr
// without a tree, rawtr, sh, wsh, raw and addr, over keys in hex, WIF or
// extended form with a path and a wildcard, and several paths (BIP389).
//
// In the other direction it infers a descriptor from an output script, and there it
// knows the miniscript of a witness script, too.
//
// It reads no miniscript and no tree of tr(); it signs nothing. It is pure and
// keeps no state beyond a parsed Descriptor, which is not safe for concurrent
// use: Expand remembers derived keys.
// Errors have Bitcoin Core's texts.
package descriptor
