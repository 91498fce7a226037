// Package chainstate holds what only one may change at a time: the chain, its
// coins, and the mempool that follows it.
//
// # Ownership
//
// An Owner gives access to the State with Do, to one goroutine at a time, in
// the order in which a channel serves them. Blocks are parsed and checked
// before, by as many callers as there are; and while the scripts of a block run,
// nobody holds the State: others may bring the next blocks, or use it with
// DoAmidBlocks. A chain that waits for scripts or a flush goes on, for a turn at a
// time, when somebody calls Collect or Checkpoint, which has to be now and then.
// Readers use the engine's snapshots and the pool's queries instead, and wait for
// no block.
//
// A transaction for the mempool is judged by the chain that readers see: its coins
// are looked up in ReadTip, its scripts run in the goroutine of ProcessTx with
// nothing held, and who adds it to the mempool holds the State, amid blocks, only
// for that and for another look if something has changed. As many scripts of
// transactions run at a time as of blocks, beside these; the others wait, one for
// each caller. In a reorganisation so long that what readers see is not remembered,
// ProcessTx waits for its end.
//
// # Events
//
// What a step has done is told to Observe, in the goroutine that holds the
// State and before Do returns, in one total order: the blocks that left, what that
// did to the mempool, the blocks that came, the tip. Both chain and mempool show
// the same moment to a caller of Owner.ReadTip. Observe must be quick, and must not
// call Do.
//
// # The end
//
// After Stop, a step that is under way ends before its next block, and a new one
// does not begin. An error of a step that is about disk or memory, not about a
// block, is sent to Failed once; nothing changes any more after it.
//
// The package starts no goroutine. Its time is the Now of its Config.
package chainstate
