// Package relay answers what workers ask the node on behalf of peers: it gives
// them blocks to download (leases) and says which transactions to request, so
// that nothing is downloaded twice; takes headers, once their chain has shown its
// work, blocks, compact blocks and transactions, of which orphans wait for their
// parents; serves those that peers ask for, and filters; and names the peer that
// sent an invalid block, or that the whole download waits for.
//
// Its answers come from the chain's snapshots and the mempool's queries; what
// changes them goes through the chainstate's Owner. It starts no goroutine. What
// was given to a worker is taken back when WorkerGone is called.
//
// A worker cancels the calls of a peer before it gives the peer up, and the bus hands
// both over in that order. What is noted of a caller's peer is therefore noted under
// the lock that release takes for it, and only while the call's context has not ended:
// it cannot outlive the peer.
package relay
