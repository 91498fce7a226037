package msg_test

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
)

func hashes(n int) []chainhash.Hash { return slices.Repeat([]chainhash.Hash{hash()}, n) }

// carry makes a method carry a request and a reply from a worker to the part
// that offers it, over links with the real limits.
func carry[Req, Reply any](t *testing.T, offering string, role rights.Role, method bus.Method[Req, Reply], req Req, reply Reply) {
	t.Helper()
	var got Req
	mux := bus.NewMux()
	method.Handle(mux, func(_ context.Context, r Req) (Reply, error) {
		got = r
		return reply, nil
	})
	b := bustest.New(t)
	b.Conn(role, offering, mux)
	worker, _ := b.Conn(roles.Worker, "worker.1", nil)
	answer, err := method.Call(t.Context(), worker, req)
	require.NoError(t, err, method.Name())
	require.Equal(t, req, got, method.Name())
	require.Equal(t, reply, answer, method.Name())
}

// What a worker and the node tell each other fits, filled to its bounds.
func TestThePeerFamilyAtItsBounds(t *testing.T) {
	const biggest = wire.MaxBlockPayload
	locator := hashes(p2p.MaxLocator)
	const name, role = "node", roles.Node
	carry(t, name, role, msg.Of(p2p.GetLocator), p2p.LocatorRequest{}, p2p.LocatorReply{Hashes: locator})
	carry(t, name, role, msg.Of(p2p.FindHeaders), p2p.FindHeadersRequest{Locator: locator, Stop: hash()},
		p2p.HeadersReply{Count: p2p.MaxHeaders, Frames: fullItem(1, p2p.MaxHeaders*wire.MaxBlockHeaderPayload)})
	carry(t, name, role, msg.Of(p2p.FindBlocks), p2p.FindBlocksRequest{Locator: locator}, p2p.LocatorReply{Hashes: hashes(p2p.MaxFound)})
	carry(t, name, role, msg.Of(p2p.SubmitHeaders), p2p.SubmitHeadersRequest{Peer: math.MaxInt64, Frames: fullItem(1, p2p.MaxHeaders*wire.MaxBlockHeaderPayload)},
		p2p.SubmitHeadersReply{New: p2p.MaxHeaders, Last: hash(), Height: math.MaxInt32, Reject: "high-hash", Misbehaving: true, Download: true})
	carry(t, name, role, msg.Of(p2p.LeaseBlocks), p2p.LeaseRequest{Peer: math.MaxInt64, Best: hash(), Max: p2p.MaxLeased, Limited: true},
		p2p.LeaseReply{Hashes: hashes(p2p.MaxLeased), Seconds: 600, Retry: true})
	carry(t, name, role, msg.Of(p2p.SubmitBlock), p2p.SubmitBlockRequest{Peer: math.MaxInt64, Requested: true, Frames: fullItem(1, biggest)},
		p2p.SubmitReply{Hash: hash(), New: true, Mutated: true})
	carry(t, name, role, msg.Of(p2p.SubmitTx), p2p.SubmitTxRequest{From: p2p.TxSource{Peer: math.MaxInt64}, Frames: fullItem(1, biggest)},
		p2p.SubmitReply{Hash: hash(), Wtxid: hash(), Orphan: true})
	txs := slices.Repeat([]p2p.SubmitReply{{Hash: hash(), Wtxid: hash(), Orphan: true}}, p2p.MaxSubmitted)
	carry(t, name, role, msg.Of(p2p.SubmitTxs), p2p.SubmitTxsRequest{
		From: p2p.TxSource{Peer: math.MaxInt64}, Frames: fullItem(p2p.MaxSubmitted, p2p.MaxSubmittedBytes/p2p.MaxSubmitted),
	}, p2p.SubmitTxsReply{Txs: txs})
	carry(t, name, role, msg.Of(p2p.WantTxs), p2p.WantTxsRequest{Txids: hashes(p2p.MaxInventory / 2), Wtxids: hashes(p2p.MaxInventory / 2)},
		p2p.WantTxsReply{Txids: hashes(p2p.MaxInventory), Wtxids: hashes(p2p.MaxInventory), Known: make([]byte, p2p.MaxInventory/8), Wait: math.MaxInt64})
	carry(t, name, role, msg.Of(p2p.FetchBlock), p2p.FetchBlockRequest{Hash: hash(), Witness: true}, p2p.FetchReply{Found: true, Frames: fullItem(1, biggest)})
	indexes := make([]uint16, 1<<16)
	for i := range indexes {
		indexes[i] = uint16(i)
	}
	carry(t, name, role, msg.Of(p2p.SubmitCompact), p2p.SubmitCompactRequest{Peer: math.MaxInt64, Asked: indexes, Frames: fullItem(2, biggest)},
		p2p.SubmitCompactReply{Headers: p2p.SubmitHeadersReply{Last: hash()}, Missing: indexes, Verdict: &p2p.SubmitReply{Hash: hash()}})
	carry(t, name, role, msg.Of(p2p.FetchBlockTxs), p2p.FetchBlockTxsRequest{Hash: hash(), Indexes: indexes},
		p2p.FetchBlockTxsReply{Found: true, Frames: fullItem(1, biggest)})
	carry(t, name, role, msg.Of(p2p.FetchFilters), p2p.FetchFiltersRequest{Message: "getcfilters", Start: math.MaxUint32, Stop: hash()},
		p2p.FetchFiltersReply{Next: math.MaxUint32, Frames: fullItem(100, 1<<18)})
	carry(t, name, role, msg.Of(p2p.FetchTx), p2p.FetchTxRequest{Hash: hash()}, p2p.FetchReply{Found: true, Frames: fullItem(1, biggest)})
	carry(t, name, role, msg.Of(p2p.TakePrivate), p2p.TakePrivateRequest{Peer: math.MaxInt64, Address: string(make([]byte, p2p.MaxPrivateAddress))},
		p2p.TakePrivateReply{Found: true, Txid: hash(), Frames: fullItem(1, biggest)})
}

// The same of a worker and the manager of connections.
func TestTheManagersFamilyAtItsBounds(t *testing.T) {
	address := p2p.NetAddr{Time: math.MaxUint32, Services: math.MaxUint64, Network: p2p.TorV3, Host: make([]byte, 32), Port: math.MaxUint16}
	addresses := slices.Repeat([]p2p.NetAddr{address}, p2p.MaxAddresses)
	perType := map[string]uint64{}
	for i := range 64 {
		perType[string(rune('a'+i%26))+string(rune('a'+i/26))+"0123456789"] = math.MaxUint64
	}
	report := p2p.PeerReport{
		Peer: math.MaxInt64, UserAgent: string(make([]byte, 256)), SentPerType: perType, ReceivedPerType: perType,
		InFlight: slices.Repeat([]int32{math.MaxInt32}, p2p.MaxLeased),
	}
	open := p2p.OpenInfo{Peer: math.MaxInt64, Kind: p2p.BlockRelayOnly, Name: string(make([]byte, 256)), Remote: "[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:65535", Epoch: math.MaxUint64}
	const name, role = "peers", roles.Peers
	carry(t, name, role, msg.RegisterWorker, p2p.RegisterWorkerRequest{Open: slices.Repeat([]p2p.OpenInfo{open}, p2p.MaxPeers)},
		p2p.RegisterWorkerReply{NonceKey: make([]byte, 32)})
	orders := slices.Repeat([]p2p.WorkerOrder{{Relay: &p2p.RelayOrder{Addresses: []p2p.NetAddr{address}}}}, p2p.MaxOrders)
	orders[0] = p2p.WorkerOrder{Send: &p2p.SendOrder{Type: "block", Payload: make([]byte, p2p.MaxOrderBytes)}}
	carry(t, name, role, msg.NextOrders, p2p.NextOrdersRequest{Ack: math.MaxUint64}, p2p.NextOrdersReply{Orders: orders})
	carry(t, name, role, msg.Of(p2p.AddAddresses), p2p.AddAddressesRequest{Addresses: addresses, Relay: addresses}, p2p.Done{})
	carry(t, name, role, msg.Of(p2p.GetAddresses), p2p.GetAddressesRequest{}, p2p.AddressesReply{Addresses: addresses})
	// A worker for each machine has thousands of peers, few of which are in a
	// download of so many blocks.
	report.InFlight = report.InFlight[:16]
	carry(t, name, role, msg.ReportPeers, p2p.ReportPeersRequest{Peers: slices.Repeat([]p2p.PeerReport{report}, p2p.MaxPeers)}, bus.None{})
}

// The mempool is a stream: any number of transactions crosses in items.
func TestTheMempoolCrossesInItems(t *testing.T) {
	item := p2p.TxsAnnouncedEvent{Txs: slices.Repeat([]p2p.TxAnnouncement{{Txid: hash(), Wtxid: hash(), FeeRate: math.MaxInt64, Peer: p2p.FromBlock}}, p2p.MaxAnnounced)}
	items := slices.Repeat([]p2p.TxsAnnouncedEvent{item}, 200)
	mux := bus.NewMux()
	msg.StreamOf(p2p.MempoolTxs).Handle(mux, func(_ context.Context, _ p2p.MempoolRequest, send func(p2p.TxsAnnouncedEvent) error) error {
		return sendAll(items, send)
	})
	b := bustest.New(t)
	b.Conn(roles.Node, "node", mux)
	worker, _ := b.Conn(roles.Worker, "worker.1", nil)
	stream, err := msg.StreamOf(p2p.MempoolTxs).Open(t.Context(), worker, p2p.MempoolRequest{}, 8)
	require.NoError(t, err)
	receiveAll(t, stream, items)
}
