// Package fees answers which fee rate a transaction needs: it feeds the estimators of
// feerate with what happens to chain and mempool, and keeps what they know from one life
// of the node to the next.
//
// The files are Bitcoin Core's, in the folder fees of the chain's. They are read once, by
// New; one that cannot be is told of and ignored. Contents gives what they are to hold
// later: the node may write no file there, so who started it does, every hour and at the
// end. A node that dies loses at most an hour.
//
// Added, Removed and Followed are called by who holds the chain, in the order of events.
// They take a lock for less than a microsecond, and for about 50 at a block; questions
// hold it for about 30. The rest may be called from anywhere at any time. The package
// starts no goroutine.
package fees
