package relay

import (
	"bytes"
	"context"
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/index"
)

// Bounds of requests for filters (BIP157), and of one part of an answer.
const (
	maxFilters       = 1000
	maxFilterHeaders = 2000
	partFilters      = 100
	partBytes        = 1 << 20
)

// fetchFilters answers a request for filters of blocks that a peer may know of.
func (r *Relay) fetchFilters(_ context.Context, req p2p.FetchFiltersRequest) (reply p2p.FetchFiltersReply, err error) {
	stop := r.chain.Lookup(req.Stop)
	if stop == nil || !r.mayTell(stop) {
		reply.Refused = fmt.Sprintf("peer requested invalid block hash: %s", req.Stop)
		return reply, nil
	}
	switch req.Message {
	case wire.CmdGetCFilters:
		if reply.Refused = refuseRange(req.Start, stop, maxFilters); reply.Refused == "" {
			err = r.filters(req.Start, stop, &reply)
		}
	case wire.CmdGetCFHeaders:
		if reply.Refused = refuseRange(req.Start, stop, maxFilterHeaders); reply.Refused == "" {
			err = r.filterHeaders(req.Start, stop, &reply)
		}
	case wire.CmdGetCFCheckpt:
		err = r.filterCheckpoints(stop, &reply)
	default:
		err = bus.Errorf(bus.KindBadMessage, "%q asks for no filters", req.Message)
	}
	return reply, err
}

func refuseRange(start uint32, stop *chain.BlockNode, most uint32) string {
	last := uint32(stop.Height)
	switch {
	case start > last:
		return fmt.Sprintf("peer sent invalid getcfilters/getcfheaders with start height %d and stop height %d", start, last)
	case last-start >= most:
		return fmt.Sprintf("peer requested too many cfilters/cfheaders: %d / %d", last-start+1, most)
	}
	return ""
}

// filter returns a block's filter; nil if the index has not come so far. Then a
// request is not answered.
func (r *Relay) filter(at *chain.BlockNode) (*index.Filter, error) {
	filter, err := r.cfg.Filter(at)
	if err == nil && filter == nil {
		r.cfg.Log.With("cat", "net").Debug(fmt.Sprintf("The filter of block %s, which a peer asks for, is not there yet", at.Hash))
	}
	return filter, err
}

func (r *Relay) filters(start uint32, stop *chain.BlockNode, reply *p2p.FetchFiltersReply) error {
	size := 0
	for height := int32(start); height <= stop.Height; height++ {
		if len(reply.Attached) == partFilters || size > partBytes {
			reply.Next = uint32(height)
			return nil
		}
		at := stop.Ancestor(height)
		filter, err := r.filter(at)
		if err != nil || filter == nil {
			return err
		}
		raw := encode(&wire.MsgCFilter{FilterType: wire.GCSFilterRegular, BlockHash: at.Hash, Data: filter.Bytes})
		size += len(raw)
		reply.Attached = append(reply.Attached, raw)
	}
	return nil
}

func (r *Relay) filterHeaders(start uint32, stop *chain.BlockNode, reply *p2p.FetchFiltersReply) error {
	msg := &wire.MsgCFHeaders{FilterType: wire.GCSFilterRegular, StopHash: stop.Hash}
	if start > 0 {
		before, err := r.filter(stop.Ancestor(int32(start) - 1))
		if err != nil || before == nil {
			return err
		}
		msg.PrevFilterHeader = before.Header
	}
	for height := int32(start); height <= stop.Height; height++ {
		filter, err := r.filter(stop.Ancestor(height))
		if err != nil || filter == nil {
			return err
		}
		hash := chainhash.DoubleHashH(filter.Bytes)
		msg.FilterHashes = append(msg.FilterHashes, &hash)
	}
	reply.Attached = [][]byte{encode(msg)}
	return nil
}

func (r *Relay) filterCheckpoints(stop *chain.BlockNode, reply *p2p.FetchFiltersReply) error {
	msg := &wire.MsgCFCheckpt{FilterType: wire.GCSFilterRegular, StopHash: stop.Hash}
	for height := int32(wire.CFCheckptInterval); height <= stop.Height; height += wire.CFCheckptInterval {
		filter, err := r.filter(stop.Ancestor(height))
		if err != nil || filter == nil {
			return err
		}
		msg.FilterHeaders = append(msg.FilterHeaders, &filter.Header)
	}
	reply.Attached = [][]byte{encode(msg)}
	return nil
}

func encode(msg wire.Message) []byte {
	var b bytes.Buffer
	// A bytes.Buffer does not fail, and the messages are within their bounds.
	_ = msg.BtcEncode(&b, wire.ProtocolVersion, wire.BaseEncoding)
	return b.Bytes()
}
