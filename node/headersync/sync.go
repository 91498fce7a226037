package headersync

import (
	"fmt"

	"github.com/aead/siphash"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// Start is where the headers of a peer leave what we know, and what they have to
// show.
type Start struct {
	Params  *consensus.Params
	Height  int32 // of the last block that we know
	Hash    chainhash.Hash
	Bits    uint32
	Work    consensus.Uint256 // up to it
	Locator []chainhash.Hash  // of it
	Needed  consensus.Uint256 // work that the chain must have
	// MaxBits bounds the bits that are kept: more than come of a chain that began
	// there and is as long as can be.
	MaxBits int
	// Salt and Offset are secret and random; Offset is less than the period.
	Salt   [siphash.KeySize]byte
	Offset int32
}

// Sync is the sync of one peer's headers.
type Sync struct {
	start Start
	last  place // of the pass
	bits  bitQueue
	// second: the peer has shown enough work and tells its headers again.
	second  bool
	enough  bool // in the second pass, too
	waiting headerQueue
}

// place is how far a pass has come.
type place struct {
	height int32
	hash   chainhash.Hash
	bits   uint32
	work   consensus.Uint256
}

// New returns the sync of headers that build on start.
func New(start Start) *Sync { return &Sync{start: start, last: start.place()} }

func (s *Start) place() place { return place{s.Height, s.Hash, s.Bits, s.Work} }

// Height is that of the last header of the first pass; -1 in the second.
func (s *Sync) Height() int32 {
	if s.second {
		return -1
	}
	return s.last.height
}

// Locator asks for what follows.
func (s *Sync) Locator() []chainhash.Hash {
	return append([]chainhash.Hash{s.last.hash}, s.start.Locator...)
}

// Continues reports whether a header is the next that is expected.
func (s *Sync) Continues(h *wire.BlockHeader) bool { return h.PrevBlock == s.last.hash }

// Next takes the next headers, whose proof of work is verified and each of which
// builds on the one before. full tells that the peer may have more. ready are to
// be kept. If more is set, what follows Locator is to be asked for; else the sync
// is over, by its success if err is nil and ready has headers. An error says why
// the peer is not followed.
func (s *Sync) Next(headers []wire.BlockHeader, full bool) (ready []wire.BlockHeader, more bool, err error) {
	if len(headers) == 0 || headers[0].PrevBlock != s.last.hash {
		return nil, false, s.aborted("non-continuous headers", s.last.height)
	}
	if !s.second {
		err := s.first(headers, full)
		return nil, err == nil, err
	}
	for i := range headers {
		if err := s.again(&headers[i]); err != nil {
			return nil, false, err
		}
	}
	ready = s.release()
	if s.enough {
		return ready, false, nil
	}
	if !full {
		return ready, false, s.aborted("incomplete headers message", s.last.height)
	}
	return ready, true, nil
}

func (s *Sync) aborted(why string, height int32) error {
	pass := "presync"
	if s.second {
		pass = "redownload"
	}
	return fmt.Errorf("%s at height=%d (%s phase)", why, height, pass)
}

// advance steps to a header.
func (s *Sync) advance(h *wire.BlockHeader) error {
	height := s.last.height + 1
	if !consensus.PermittedTransition(s.start.Params, height, s.last.bits, h.Bits) {
		return s.aborted("invalid difficulty transition", height)
	}
	s.last = place{height, h.BlockHash(), h.Bits, s.last.work.Add(consensus.Work(h.Bits))}
	return nil
}

// marked reports whether a bit is kept of the last header.
func (s *Sync) marked() bool { return s.last.height%s.start.Params.SyncPeriod == s.start.Offset }

func (s *Sync) bit() bool { return siphash.Sum64(s.last.hash[:], &s.start.Salt)&1 == 1 }

// first is the first pass.
func (s *Sync) first(headers []wire.BlockHeader, full bool) error {
	for i := range headers {
		if err := s.advance(&headers[i]); err != nil {
			return err
		}
		if !s.marked() {
			continue
		}
		if s.bits.len() >= s.start.MaxBits {
			return s.aborted("exceeded max commitments", s.last.height)
		}
		s.bits.push(s.bit())
	}
	if s.last.work.Cmp(s.start.Needed) >= 0 {
		s.second, s.last = true, s.start.place()
		return nil
	}
	if !full {
		return s.aborted("incomplete headers message", s.last.height)
	}
	return nil
}

// again is the second pass. Above the work that is needed the peer's chain may
// have grown, and no bits are compared.
func (s *Sync) again(h *wire.BlockHeader) error {
	if h.PrevBlock != s.last.hash {
		return s.aborted("non-continuous headers", s.last.height+1)
	}
	if err := s.advance(h); err != nil {
		return err
	}
	s.enough = s.enough || s.last.work.Cmp(s.start.Needed) >= 0
	if !s.enough && s.marked() {
		kept, ok := s.bits.pop()
		if !ok {
			return s.aborted("commitment overrun", s.last.height)
		}
		if kept != s.bit() {
			return s.aborted("commitment mismatch", s.last.height)
		}
	}
	s.waiting.push(h)
	return nil
}

// release returns the headers with enough others above them.
func (s *Sync) release() (ready []wire.BlockHeader) {
	keep := int(s.start.Params.SyncBuffer)
	if s.enough {
		keep = 0
	}
	for s.waiting.len() > keep {
		ready = append(ready, s.waiting.pop())
	}
	return ready
}
