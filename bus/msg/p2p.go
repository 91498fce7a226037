package msg

import (
	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// What a worker asks and tells the node on behalf of a peer. Peer is the
// number the manager gave to the connection.
var (
	// GetLocator returns a block locator of the best header chain.
	GetLocator = bus.Method[p2p.LocatorRequest, p2p.LocatorReply]("node.p2p.locator")
	// FindHeaders answers getheaders from the best chain: at most 2000.
	FindHeaders = bus.Method[p2p.FindHeadersRequest, p2p.HeadersReply]("node.p2p.findheaders")
	// FindBlocks answers getblocks: at most 500 hashes.
	FindBlocks = bus.Method[p2p.FindBlocksRequest, p2p.LocatorReply]("node.p2p.findblocks")
	// SubmitHeaders hands over a headers message.
	SubmitHeaders = bus.Method[p2p.SubmitHeadersRequest, p2p.SubmitHeadersReply]("node.p2p.headers")
	// LeaseBlocks asks for blocks to download from a peer.
	LeaseBlocks = bus.Method[p2p.LeaseRequest, p2p.LeaseReply]("node.p2p.lease")
	// ReleasePeer returns a peer's leases: it is gone or too slow.
	ReleasePeer = bus.Method[p2p.ReleaseRequest, p2p.Done]("node.p2p.release")
	// SubmitBlock hands over a block; the reply comes when it is wholly
	// processed: connected, stored on a side branch, or refused.
	SubmitBlock = bus.Method[p2p.SubmitBlockRequest, p2p.SubmitReply]("node.p2p.block")
	// FetchBlock answers getdata for a block of the best or a recent branch.
	FetchBlock = bus.Method[p2p.FetchBlockRequest, p2p.FetchReply]("node.p2p.getblock")
	// SubmitTx hands over a transaction.
	SubmitTx = bus.Method[p2p.SubmitTxRequest, p2p.SubmitReply]("node.p2p.tx")
	// WantTxs asks which announced transactions this peer should be asked for:
	// each is asked for once over all workers, until its request times out.
	WantTxs = bus.Method[p2p.WantTxsRequest, p2p.WantTxsReply]("node.p2p.want")
	// FetchTx answers getdata for a mempool transaction.
	FetchTx = bus.Method[p2p.FetchTxRequest, p2p.FetchReply]("node.p2p.gettx")
	// MempoolTxs lists the mempool, for the "mempool" message (BIP35), in items of
	// at most p2p.MaxAnnounced transactions.
	MempoolTxs = bus.Stream[p2p.MempoolRequest, p2p.TxsAnnouncedEvent]("node.p2p.mempool")
)

// TxsAnnounced tells workers which transactions entered the mempool.
var TxsAnnounced = bus.Topic[p2p.TxsAnnouncedEvent]("node.txs")

// PeerBlamed is published to one worker, as topic with the instance's name as
// suffix, when a block that one of its peers sent earlier proves invalid.
var PeerBlamed = bus.Topic[p2p.PeerBlamedEvent]("node.blame.")
