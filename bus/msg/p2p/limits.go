package p2p

// The most that requests, replies and events of this package hold. Nothing of
// them grows with the chain or the mempool: what does is a stream.
const (
	MaxLocator   = 101       // hashes of a locator
	MaxHeaders   = 2000      // of a headers message
	MaxFound     = 500       // hashes that answer getblocks
	MaxInventory = 50_000    // transactions of an inv message
	MaxLeased    = 1024      // blocks that a peer is asked for at a time
	MaxAddresses = 1000      // of an addr message
	MaxAnnounced = 1000      // transactions of an event, or of an item
	MaxSubmitted = 64        // transactions handed over at a time
	MaxMessage   = 4_000_000 // bytes of a peer-to-peer message
	MaxOrders    = 1000      // of one reply
	// MaxSubmittedBytes bounds what is handed over together; a single transaction
	// may have MaxMessage.
	MaxSubmittedBytes = 400_000
	// MaxOrderBytes bounds the payloads of the orders of one reply; a single
	// one may have MaxMessage.
	MaxOrderBytes = 8 << 20
	MaxPeers      = 10_000 // connections of one worker
	MaxLastTypes  = 8      // messages whose types are reported, by direction
)
