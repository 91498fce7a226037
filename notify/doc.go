// Package notify is the process that tells outsiders of blocks and
// transactions over ZeroMQ, exactly as bitcoind documents it for -zmqpub*.
//
// It hears the node's events in their total order and publishes the topics
// hashblock, rawblock, hashtx, rawtx and sequence. Every message has three
// frames: topic, body, and a little-endian 32-bit counter that each notifier
// keeps for itself and that tells a subscriber what it lost. Hashes are in
// the byte order in which they are shown.
//
// A topic may be published on several addresses and an address may carry
// several topics. Subscribers of a restarted process reconnect by themselves
// and find the counters at zero.
//
// Run blocks and joins its goroutines: one for events and one an address,
// beside those of package zmqpub for each subscriber. The process
// makes no sockets and opens no file: see Listen.
package notify
