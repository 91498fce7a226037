// Package node is the process that owns the block chain: it stores and
// validates blocks, keeps the UTXO set and the mempool, assembles blocks, and
// answers other parts' questions about them over the bus. It touches its part of
// the data directory and no network.
//
// This package is the process's life: what is opened in which order, what runs
// until it ends, and what is written when it does. The work is done in rooms:
//
//	chainstate  chain and mempool, changed by one at a time
//	relay       what workers ask for peers
//	rpc         the JSON-RPC commands
//	feed        the events that are published
//	snapshot    UTXO sets in files and from files
//	indexer     the optional indexes
//	watch       what wallets ask
//	fees        which fee rate is needed
//
// They stand on pure cores: chain, coins, consensus, script, mempool, mining, feerate,
// download, headersync, compact, orphanage, index.
//
// # Ownership
//
// Chain and mempool are changed through the chainstate's Owner, by one goroutine
// at a time; what happens is passed on to the rooms by observe, in that goroutine.
// Queries look at snapshots and do not wait for it, but for two which say so:
// GetTip, whose answer includes what was accepted before, and WatchedMempool.
//
// Run opens files and databases, serves until its context ends, and then
// writes everything out: when it returns, nothing is changed any more. Its
// goroutines are joined before. The time that rules see is the part's clock;
// flushes go by real time.
package node
