// Package index is the node's optional indexes: basic block filters (BIP157,
// BIP158), transactions by txid, spenders of outputs, and statistics of the UTXO
// set after every block.
//
// # How an index follows the chain
//
// Each has a database and a position, the last block it contains. Step adds the
// block that follows in the best chain; after a reorganisation that is the one
// behind the fork. An index does not move while the chain's tip is an ancestor
// of its position: nothing is lost by waiting for what comes instead.
//
// What is kept of a block is a function of the block, of what it spent, and of
// what is kept of its parent, and is filed under height and hash. So no entry is
// ever undone, going back is a change of position, and doing a block twice does
// no harm. Blocks that left the chain stay in the index. Which entries count is
// told by the position, which is written behind a block's entries: after a crash
// the index goes on from where they were complete. If the position names a block
// that the chain has lost, the index goes back to one that both know.
//
// # Sizes
//
// A transaction, or a spent output, takes 19 bytes besides the database's own;
// a block's statistics take 472, most of them the number that MuHash3072 is the
// hash of, so that any block can be the start of the next step.
//
// # Ownership
//
// Step is for one goroutine at a time; everything else may be called from
// anywhere at any time and waits for nothing but the disk. An index reads the
// chain through snapshots and never makes it wait. The package starts no
// goroutine and reads no clock. The databases belong to the caller of Open and
// must outlive the index.
package index
