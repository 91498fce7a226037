// Package watch answers what wallets ask of the node: it remembers the output
// scripts that each of them watches, finds their transactions in the chain and
// in the mempool, and tells each wallet when one enters or leaves the mempool.
// So only what concerns a wallet crosses the bus.
//
// A wallet is forgotten when its link ends (Gone).
//
// # Guarantees
//
// Of a transaction in the mempool that a wallet was told of, by event or in a
// list, it also hears the end. A list of the mempool says which events it
// takes into account; the node is not held up while the list is made.
//
// # Bounds
//
// An instance may watch 2,000,000 scripts of 256 MiB together. Lists and scans
// are streams: no more than the wallet has given credit for is under way. What
// a list holds is bounded by the mempool it was taken of; an instance makes one
// at a time.
//
// # Ownership
//
// The package starts no goroutine. Its handlers run in those of the bus; Added
// and Removed are called in the goroutine that changes the mempool, and publish
// in the order of their calls.
package watch
