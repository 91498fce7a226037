// Package txrequest decides which peer is asked for an announced transaction, and
// when.
//
// Each transaction is asked of one peer at a time. Peers that are not preferred,
// and announcements by txid, wait a moment so that others may come first. If a peer
// does not deliver within the patience, says that it has not got the transaction,
// or is gone, another one that announced it is asked; none is asked twice for the
// same announcement. An announcement lasts until its transaction is known or all who
// announced it have failed (the rules of Bitcoin Core's TxRequestTracker).
//
// A peer has a bounded number of announcements, and so have all together: beyond
// that, who has more than its share can add none, and in the end who has the most loses
// some. Shares are those of workers first: the peers of one that makes them up take
// nothing from those of others.
//
// It is a pure core and not safe for concurrent use: now is an argument, and chance is
// handed in.
package txrequest
