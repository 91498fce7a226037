// Package feerate estimates which fee rate a transaction needs to be in a block soon, as
// Bitcoin Core does (policy/fees/): fed with the same blocks and transactions it gives the
// same answers.
//
// Estimator goes by what became of transactions: it sorts those that enter the mempool
// into buckets by fee rate, and counts for each bucket how many were in a block after so
// many blocks, and how many have left or still wait. Old counts fade with every block. It
// does so three times, over a short, a medium and a long past.
//
// Window goes by the mempool as it is. It knows of the last blocks how much of them the
// mempool had, which tells whether the mempool is to be relied on.
//
// Both are read from files of Bitcoin Core's format, and written to such; what is read may
// be anything. A fee rate is in satoshi per 1000 virtual bytes, rounded down, unless a
// comment says otherwise.
//
// The package is a pure core: one goroutine at a time uses a value, it starts none, and it
// reads no clock.
package feerate
