// Package indexer runs the optional indexes: it opens their databases, lets each
// follow the verified chain in a goroutine of its own, and lets queries wait for
// one that is not far behind.
//
// Run joins its goroutines; what an index fails with ends it. An index goes on
// after a crash where it was. While an index has not read a block, PruneLock
// keeps it from being deleted.
package indexer
