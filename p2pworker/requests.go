package p2pworker

import (
	"context"
	"fmt"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/p2pworker/session"
)

// Patience with calls: a block may wait for the disk of the node.
const (
	patience      = time.Minute
	blockPatience = 15 * time.Minute
)

// call performs one request of a session and returns the reply it expects.
func (w *worker) call(ctx context.Context, peer int64, body any) (any, error) {
	limit := patience
	switch body.(type) {
	case session.SubmitBlock, session.SubmitHeaders:
		limit = blockPatience
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return persist(ctx, func(ctx context.Context) (any, error) {
		switch req := body.(type) {
		case session.Introduce, session.AddAddresses, session.GetAddresses:
			return w.callManager(ctx, peer, req)
		case session.SubmitHeaders, session.SubmitBlock, session.SubmitTx:
			return w.submit(ctx, peer, req)
		case session.FindHeaders, session.FindBlocks, session.FetchBlock, session.FetchTx, session.MempoolTxs:
			return w.fetch(ctx, req)
		}
		return w.negotiate(ctx, peer, body)
	})
}

// negotiate asks the node what to do next.
func (w *worker) negotiate(ctx context.Context, peer int64, body any) (any, error) {
	switch req := body.(type) {
	case session.GetLocator:
		r, err := msg.GetLocator.Call(ctx, w.conn, bus.None{})
		return session.Hashes{Hashes: r.Hashes}, err
	case session.LeaseBlocks:
		r, err := msg.LeaseBlocks.Call(ctx, w.conn, msg.LeaseRequest{Peer: peer, Best: req.Best, Max: req.Max, Limited: req.Limited})
		return session.Lease{Hashes: r.Hashes, Seconds: r.Seconds, Retry: r.Retry}, err
	case session.ReleaseLease:
		_, err := msg.ReleasePeer.Call(ctx, w.conn, msg.PeerRequest{Peer: peer})
		return session.Done{}, err
	case session.WantTxs:
		r, err := msg.WantTxs.Call(ctx, w.conn, msg.WantTxsRequest{Peer: peer, Wtxid: req.Wtxid, Hashes: req.Hashes})
		return session.Wanted{Request: r.Request, Later: r.Later, RetrySeconds: r.RetrySeconds}, err
	}
	return nil, fmt.Errorf("no call for %T", body)
}

// submit hands over what the peer sent.
func (w *worker) submit(ctx context.Context, peer int64, body any) (any, error) {
	switch req := body.(type) {
	case session.SubmitHeaders:
		r, err := msg.SubmitHeaders.Call(ctx, w.conn, msg.SubmitHeadersRequest{Peer: peer, Frames: frame(req.Raw)})
		return session.HeadersVerdict{New: r.New, Last: r.Last, Height: r.Height, Unconnecting: r.Unconnecting,
			Reject: r.Reject, Misbehaving: r.Misbehaving, Download: r.Download}, err
	case session.SubmitBlock:
		r, err := msg.SubmitBlock.Call(ctx, w.conn, msg.SubmitBlockRequest{Peer: peer, Requested: req.Requested, Frames: frame(req.Raw)})
		return verdict(r), err
	case session.SubmitTx:
		r, err := msg.SubmitTx.Call(ctx, w.conn, msg.SubmitTxRequest{Peer: peer, Force: req.Force, Frames: frame(req.Raw)})
		return verdict(r), err
	}
	return nil, fmt.Errorf("no call for %T", body)
}

// fetch gets what the peer asked for.
func (w *worker) fetch(ctx context.Context, body any) (any, error) {
	switch req := body.(type) {
	case session.FindHeaders:
		r, err := msg.FindHeaders.Call(ctx, w.conn, msg.FindRequest{Locator: req.Locator, Stop: req.Stop})
		if err == nil && (r.Count < 0 || len(first(r.Attached)) != r.Count*session.HeaderSize) {
			err = fmt.Errorf("%d bytes for %d headers", len(first(r.Attached)), r.Count)
		}
		return session.Headers{Raw: first(r.Attached)}, err
	case session.FindBlocks:
		r, err := msg.FindBlocks.Call(ctx, w.conn, msg.FindRequest{Locator: req.Locator, Stop: req.Stop})
		return session.Hashes{Hashes: r.Hashes}, err
	case session.FetchBlock:
		r, err := msg.FetchBlock.Call(ctx, w.conn, msg.FetchBlockRequest{Hash: req.Hash, Witness: req.Witness})
		return session.Fetched{Found: r.Found, TooDeep: r.TooDeep, Raw: first(r.Attached)}, err
	case session.FetchTx:
		r, err := msg.FetchTx.Call(ctx, w.conn, msg.FetchTxRequest{Hash: req.Hash, Wtxid: req.Wtxid, Witness: req.Witness})
		return session.Fetched{Found: r.Found, Raw: first(r.Attached)}, err
	case session.MempoolTxs:
		r, err := msg.MempoolTxs.Call(ctx, w.conn, bus.None{})
		return session.TxList{Txs: fromAnnouncements(r.Txs)}, err
	}
	return nil, fmt.Errorf("no call for %T", body)
}

// callManager tells or asks the manager of connections.
func (w *worker) callManager(ctx context.Context, peer int64, body any) (any, error) {
	switch req := body.(type) {
	case session.Introduce:
		v := req.Peer
		r, err := msg.IntroducePeer.Call(ctx, w.conn, msg.IntroducePeerRequest{
			Peer: peer, Version: v.Version, Services: uint64(v.Services), UserAgent: v.UserAgent,
			Relay: v.Relay, AddrLocal: v.AddrLocal.String(), TimeOffset: int64(v.TimeOffset / time.Second),
		})
		return session.Introduced{Reject: r.Refused}, err
	case session.AddAddresses:
		_, err := msg.AddAddresses.Call(ctx, w.conn, msg.AddAddressesRequest{
			Peer: peer, Addresses: toNetAddrs(req.Addresses), Relay: toNetAddrs(req.Relay)})
		return session.Done{}, err
	case session.GetAddresses:
		r, err := msg.GetAddresses.Call(ctx, w.conn, msg.PeerRequest{Peer: peer})
		return session.AddressList{Addresses: fromNetAddrs(r.Addresses)}, err
	}
	return nil, fmt.Errorf("no call for %T", body)
}

func frame(raw []byte) bus.Frames { return bus.Frames{Attached: [][]byte{raw}} }

func first(frames [][]byte) []byte {
	if len(frames) == 0 {
		return nil
	}
	return frames[0]
}

func verdict(r msg.SubmitReply) session.Verdict {
	return session.Verdict{Hash: r.Hash, Wtxid: r.Wtxid, New: r.New, Reject: r.Reject,
		Misbehaving: r.Misbehaving, Mutated: r.Mutated, Missing: r.Missing}
}

func fromAnnouncements(list []msg.TxAnnouncement) []session.TxAnnouncement {
	txs := make([]session.TxAnnouncement, len(list))
	for i, t := range list {
		txs[i] = session.TxAnnouncement{Txid: t.Txid, Wtxid: t.Wtxid, FeeRate: t.FeeRate, Peer: t.Peer}
	}
	return txs
}

func toNetAddrs(list []session.Address) []msg.NetAddr {
	out := make([]msg.NetAddr, len(list))
	for i, a := range list {
		out[i] = msg.NetAddr{Time: a.Time, Services: uint64(a.Services), Network: uint8(a.Network), Host: []byte(a.Host), Port: a.Port}
	}
	return out
}

func fromNetAddrs(list []msg.NetAddr) []session.Address {
	out := make([]session.Address, len(list))
	for i, a := range list {
		out[i] = session.Address{Time: a.Time, Services: wire.ServiceFlag(a.Services),
			Network: session.NetworkID(a.Network), Host: string(a.Host), Port: a.Port}
	}
	return out
}
