// Package compact is the serialisation of compact blocks, version 2 (BIP152), and
// the making of blocks from them: cmpctblock, getblocktxn's answer blocktxn, and
// the short transaction identifiers.
//
// It is a pure core: bytes and transactions in, bytes and blocks out. Whatever it
// parses comes from a peer, so every count is held against the bytes that follow
// before memory is taken for it.
package compact
