// Package sign fills the scripts and witnesses of inputs. A Provider knows keys and
// scripts; Material is what is known already of how to spend one output, as a partially
// signed transaction carries it (BIP174, BIP371); Produce makes Data of both: as many
// signatures as the keys allow, what is missing, and if nothing is, the final script
// and witness. Which scripts are solved, and what an unfinished input looks like, are
// as in Bitcoin Core (src/script/sign.cpp).
//
// It solves P2PK, P2PKH, multisig, P2SH, P2WPKH, P2WSH, P2A, and P2TR by the key or by
// leaves that are <key> CHECKSIG or a multisig of CHECKSIGADD. It knows no miniscript.
// What others have signed together it adds up (BIP327, BIP328), but it signs with nobody:
// nonces would have to be kept from one call to the next.
//
// ECDSA signatures have the nonce of RFC 6979, with a counter until r takes no more than
// 32 bytes; those of BIP340 have it without auxiliary randomness. So the same is signed
// the same.
//
// It is pure. Keys are not kept; a Provider's are wiped by Zero.
package sign
