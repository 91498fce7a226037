package chain

import (
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// AcceptHeaders adds headers, each of which builds on the one before, to the
// tree. It returns the last one that is in the tree afterwards, and how many
// were not there before. The error, if any, is about the header after last.
func (e *branches) AcceptHeaders(headers []wire.BlockHeader, now int64) (last *BlockNode, added int, err error) {
	for i := range headers {
		n, isNew, err := e.acceptHeader(&headers[i], now)
		if err != nil {
			e.noteBestHeader()
			return last, added, err
		}
		last = n
		if isNew {
			added++
		}
	}
	e.noteBestHeader()
	return last, added, nil
}

func (e *branches) acceptHeader(h *wire.BlockHeader, now int64) (n *BlockNode, isNew bool, err error) {
	hash := h.BlockHash()
	if n := e.tree.lookup(hash); n != nil {
		if e.tree.info(n).Failed {
			return n, false, consensus.Rejectf(consensus.CachedInvalid, "duplicate-invalid",
				"block %s was previously marked invalid", hash)
		}
		return n, false, nil
	}
	if !consensus.CheckProofOfWork(&hash, h.Bits, e.params) {
		return nil, false, consensus.Rejectf(consensus.InvalidHeader, "high-hash", "proof of work failed")
	}
	parent := e.tree.lookup(h.PrevBlock)
	if parent == nil {
		return nil, false, consensus.Rejectf(consensus.MissingPrev, "prev-blk-not-found", "")
	}
	if e.tree.info(parent).Failed {
		return nil, false, consensus.Rejectf(consensus.InvalidPrev, "bad-prevblk", "")
	}
	if err := checkHeaderAt(h, parent, now, e.params); err != nil {
		return nil, false, err
	}
	n = newNode(h, hash, parent)
	n.seq = unseen
	e.tree.add(n)
	e.considerHeader(n)
	return n, true, nil
}

// checkHeaderAt verifies the rules for a header that depend on its place.
func checkHeaderAt(h *wire.BlockHeader, parent *BlockNode, now int64, p *consensus.Params) error {
	reject := func(result consensus.Result, reason, detail string) error {
		return consensus.Rejectf(result, reason, "%s", detail)
	}
	time, height := h.Timestamp.Unix(), parent.Height+1
	switch {
	case h.Bits != NextBits(parent, time, p):
		return reject(consensus.InvalidHeader, "bad-diffbits", "incorrect proof of work")
	case time <= parent.MedianTime():
		return reject(consensus.InvalidHeader, "time-too-old", "block's timestamp is too early")
	case p.BIP94 && height%p.Interval == 0 && time < parent.Time-consensus.MaxTimewarpSeconds:
		return reject(consensus.InvalidHeader, "time-timewarp-attack", "block's timestamp is too early on diff adjustment block")
	case time > now+consensus.MaxFutureSeconds:
		return reject(consensus.TimeFuture, "time-too-new", "block timestamp too far in the future")
	case h.Version < 2 && height >= p.BIP34Height, h.Version < 3 && height >= p.BIP66Height, h.Version < 4 && height >= p.BIP65Height:
		return reject(consensus.InvalidHeader, fmt.Sprintf("bad-version(0x%08x)", uint32(h.Version)),
			fmt.Sprintf("rejected nVersion=0x%08x block", uint32(h.Version)))
	}
	return nil
}

// considerHeader keeps track of the header with most work.
func (e *branches) considerHeader(n *BlockNode) {
	if e.bestHeader == nil || n.Work.Cmp(e.bestHeader.Work) > 0 {
		e.bestHeader = n
	}
}

// noteBestHeader tells the best header if it has changed.
func (e *branches) noteBestHeader() {
	view := e.current
	if view.BestHeader == e.bestHeader {
		return
	}
	next := *view
	next.BestHeader = e.bestHeader
	e.current = &next
	e.emit(HeaderTip{Node: e.bestHeader, view: &next, moved: e.moved})
}
