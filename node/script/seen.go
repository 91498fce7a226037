package script

import (
	"sync"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
)

type seenTx struct {
	wtxid chainhash.Hash
	flags txscript.ScriptFlags
}

// seenTxs remembers verified transactions in two generations: when the young
// one is full, the old one is forgotten. A wtxid commits to the spent outputs
// by their txids, so the outputs need not be part of the name.
type seenTxs struct {
	mu         sync.Mutex
	limit      int
	young, old map[seenTx]struct{}
}

func newSeenTxs(limit int) *seenTxs {
	return &seenTxs{limit: max(limit/2, 1), young: map[seenTx]struct{}{}}
}

func (s *seenTxs) has(wtxid chainhash.Hash, flags txscript.ScriptFlags) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := seenTx{wtxid, flags}
	if _, ok := s.young[name]; ok {
		return true
	}
	_, ok := s.old[name]
	return ok
}

func (s *seenTxs) add(wtxid chainhash.Hash, flags txscript.ScriptFlags) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.young) >= s.limit {
		s.old, s.young = s.young, map[seenTx]struct{}{}
	}
	s.young[seenTx{wtxid, flags}] = struct{}{}
}
