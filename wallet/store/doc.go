// Package store keeps one wallet on disk: its seed, how many keys it has
// handed out, its transactions and labels, and how far it has followed the
// chain. It is the wallet's only door to Badger.
//
// Every change is one Badger transaction and is synced to disk before the
// call returns: money may depend on it. The files are readable by their owner
// only. The seed is stored as it is; Account.Zero and Close are all that
// protects it in memory.
//
// Open takes the wallet's lock; a second process gets ErrLocked. The package
// starts no goroutine but Badger's, which Close joins.
package store
