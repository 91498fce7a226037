// Package download decides which peer is asked for which block, so that none
// is downloaded twice and none is forgotten: every block is leased to one peer
// until a deadline.
//
// It is bookkeeping over hashes: what is missing, and in which order, is an
// argument, as is the time. It is not safe for concurrent use, starts nothing
// and reads no clock.
package download
