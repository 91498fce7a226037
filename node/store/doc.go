// Package store is the node's only door to Badger: an ordered key-value
// database in a folder of its own, for coins and for the block index.
//
// Sizes of tables and caches follow from one figure, the bytes of memory the
// database may use; Badger's defaults would take a gigabyte of it and create
// sparse files of two.
//
// A Write is not atomic: a crash may leave any part of it behind. What was
// written survives the death of the process at once, and that of the machine
// after Sync. Snapshot gives a consistent view that later writes do not change.
//
// Badger owns goroutines; they end with Close. A second Open of the same
// folder fails with ErrLocked. All methods may be called concurrently, but Close
// only after everything else has returned.
package store
