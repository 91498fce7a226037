// Package blockfile keeps blocks and undo data in Bitcoin Core's flat files,
// so that existing tools read them: blk00000.dat, rev00000.dat and so on.
//
// A record is the network magic, the size as uint32 little-endian, and the
// payload; an undo record is followed by a 32-byte checksum, the double SHA-256
// of the previous block's hash and the payload. All bytes of these files are
// XORed with the 8-byte key of xor.dat, aligned to the file offset. Undo data
// of a block is in the rev file with the number of its blk file.
//
// The package does not know what a block is and keeps no index: the
// caller remembers the position of a record. After a crash the tail of a file
// may hold half a record; it is never overwritten, and a Scanner skips it.
//
// A Store owns its files, starts no goroutine and reads no clock. Reads may run
// concurrently with one another and with appends.
package blockfile
