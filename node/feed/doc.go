// Package feed publishes on the bus what happens to chain and mempool.
//
// Every change is an event under msg.EventPrefix, numbered without gaps, in the
// order in which the Feed's methods are called; these events are published only
// if Config.Events says that some part hears them. Workers hear of tips and of
// transactions in their own topics: at once if there was none a moment ago, else
// several together (tips in initial download only), so that hundreds of blocks or
// transactions a second do not wake every worker for each.
//
// # Ownership
//
// The methods that publish are called by the one who changes chain or mempool,
// and wait for room in the link's queue; before Attach nothing is published, since
// there is nobody to hear it. Run owns the timers and joins what it starts.
package feed
