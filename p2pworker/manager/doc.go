// Package manager is the shell of the role "peers": it decides which
// connections there are, and workers carry that out.
//
// The decisions are those of the cores roster (connections and workers),
// banlist and addrbook; the manager feeds them, turns their orders into
// queues that workers fetch by long poll, keeps a pool of idle workers where
// each connection has a process of its own, and answers the JSON-RPC commands
// about peers. It never calls a worker, and speaks to no peer itself.
//
// # Guarantees
//
//   - Orders to one worker are delivered in order, and repeated until the
//     worker acknowledges them.
//   - A worker whose link ends has lost its connections, at once. So has one that
//     fetches no orders until its queue is full; it may register again.
//   - Workers that nobody here started, on other machines, are used like any
//     other. The pool of idle workers is as large with them as without.
//   - When the manager is restarted, workers register again with their
//     connections, which live on under the same numbers.
//   - Bans are on disk (banlist.json) when setban returns; addresses are
//     written (peers.dat) every fifteen minutes and at the end, the last
//     block-relay-only peers (anchors.dat) at the end.
//
// # Ownership
//
// One mutex guards the state; no call or file access happens under it. Run
// owns its goroutines (time, events, requests for new workers, DNS seeds, the
// onion service, our address on I2P, the lookout for what others know, private
// broadcasts, news of ended connections) and joins them. The manager touches only
// the three files named above, onion_v3_private_key, i2p_private_key, Tor's cookie
// and, if it was asked for, message_capture; it asks the system's resolver for DNS
// seeds, a Tor daemon for an onion service and a router of I2P for an address. What
// commands have set it hands to the supervisor, for the manager after it.
package manager
