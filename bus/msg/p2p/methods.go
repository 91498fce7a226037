package p2p

// Method is the name of a method on the bus that a session asks with, and the
// types of its request and reply. Cores speak of methods so: this package knows
// nothing of the bus, which has the same by msg.Of.
type Method[Req, Rep any] string

// Stream is the same of a method that answers with items.
type Stream[Req, Item any] string

// What a worker asks and tells the node on behalf of a peer. Peer is the
// number that the manager gave to the connection.
const (
	// GetLocator returns a block locator of the best header chain.
	GetLocator Method[LocatorRequest, LocatorReply] = "node.p2p.locator"
	// FindHeaders answers getheaders from the best chain: at most 2000.
	FindHeaders Method[FindHeadersRequest, HeadersReply] = "node.p2p.findheaders"
	// FindBlocks answers getblocks: at most 500 hashes.
	FindBlocks Method[FindBlocksRequest, LocatorReply] = "node.p2p.findblocks"
	// SubmitHeaders hands over a headers message.
	SubmitHeaders Method[SubmitHeadersRequest, SubmitHeadersReply] = "node.p2p.headers"
	// LeaseBlocks asks for blocks to download from a peer.
	LeaseBlocks Method[LeaseRequest, LeaseReply] = "node.p2p.lease"
	// ReleasePeer returns a peer's leases: it is gone or too slow.
	ReleasePeer Method[ReleaseRequest, Done] = "node.p2p.release"
	// SubmitBlock hands over a block; the reply comes when it is wholly
	// processed: connected, stored on a side branch, or refused.
	SubmitBlock Method[SubmitBlockRequest, SubmitReply] = "node.p2p.block"
	// SubmitCompact hands over a compact block (BIP152), and the transactions that
	// were missing when they have come; the reply comes when the block is wholly
	// processed, or at once if something is missing.
	SubmitCompact Method[SubmitCompactRequest, SubmitCompactReply] = "node.p2p.compact"
	// FetchBlockTxs answers getblocktxn (BIP152).
	FetchBlockTxs Method[FetchBlockTxsRequest, FetchBlockTxsReply] = "node.p2p.getblocktxs"
	// FetchFilters answers getcfilters, getcfheaders and getcfcheckpt (BIP157), the
	// first of these in parts.
	FetchFilters Method[FetchFiltersRequest, FetchFiltersReply] = "node.p2p.filters"
	// FetchBlock answers getdata for a block of the best or a recent branch.
	FetchBlock Method[FetchBlockRequest, FetchReply] = "node.p2p.getblock"
	// SubmitTx hands over a transaction.
	SubmitTx Method[SubmitTxRequest, SubmitReply] = "node.p2p.tx"
	// SubmitTxs hands over several that the peer has sent one after the other. They
	// are judged in this order.
	SubmitTxs Method[SubmitTxsRequest, SubmitTxsReply] = "node.p2p.txs"
	// WantTxs tells what a peer has announced, and asks which transactions it should
	// be asked for: each is asked of one peer at a time over all workers.
	WantTxs Method[WantTxsRequest, WantTxsReply] = "node.p2p.want"
	// FetchTx answers getdata for a mempool transaction.
	FetchTx Method[FetchTxRequest, FetchReply] = "node.p2p.gettx"
	// TakePrivate asks for the transaction that a peer is to be sent, where a connection
	// was made for that alone (PrivateBroadcast).
	TakePrivate Method[TakePrivateRequest, TakePrivateReply] = "node.p2p.private.take"
	// ConfirmPrivate tells that the peer has it.
	ConfirmPrivate Method[ConfirmPrivateRequest, Done] = "node.p2p.private.confirm"
	// MempoolTxs lists the mempool, for the "mempool" message (BIP35), in items of
	// at most MaxAnnounced transactions.
	MempoolTxs Stream[MempoolRequest, TxsAnnouncedEvent] = "node.p2p.mempool"
)

// What it asks and tells the manager.
const (
	// IntroducePeer tells what a peer said in its version message.
	IntroducePeer Method[IntroducePeerRequest, IntroducePeerReply] = "peers.introduce"
	// AddAddresses hands over addresses that a peer gossiped.
	AddAddresses Method[AddAddressesRequest, Done] = "peers.addresses.add"
	// GetAddresses returns addresses to answer a peer's getaddr with.
	GetAddresses Method[GetAddressesRequest, AddressesReply] = "peers.addresses.get"
	// CountUpload tells how much was sent to a peer, and asks whether that is all that may
	// be sent for now (-maxuploadtarget).
	CountUpload Method[CountUploadRequest, CountUploadReply] = "peers.upload"
	// SelfAddress returns where we can be found, for a peer to tell others.
	SelfAddress Method[SelfAddressRequest, SelfAddressReply] = "peers.self"
	// RelayTxs tells that a peer is to be told of transactions from now on.
	RelayTxs Method[RelayTxsRequest, RelayTxsReply] = "peers.relaytxs"
	// ProtectPeer asks that a full-relay peer of ours whose chain is as good as our own
	// never be dropped for its chain: a few are not.
	ProtectPeer Method[ProtectPeerRequest, ProtectPeerReply] = "peers.protect"
)
