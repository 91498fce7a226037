package ledger

import (
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// standing answers what counts and what is trusted, and remembers the answers:
// the ledger must not change while it is in use.
type standing struct {
	l        *Ledger
	dead     map[*Tx]bool
	replaced map[*Tx]bool
	trusted  map[*Tx]bool
}

func (l *Ledger) standing() *standing {
	return &standing{l: l, dead: map[*Tx]bool{}, replaced: map[*Tx]bool{}, trusted: map[*Tx]bool{}}
}

// counts reports whether the outputs of a transaction are coins.
func (s *standing) counts(t *Tx) bool {
	return t.Block != nil || t.Pool != Outside && !s.isDead(t)
}

// isDead reports whether what is confirmed excludes that a transaction ever
// is.
func (s *standing) isDead(t *Tx) bool {
	if t.Block != nil {
		return false
	}
	if dead, known := s.dead[t]; known {
		return dead
	}
	s.dead[t] = false // a hostile store could hold a cycle
	dead := t.IsCoinbase()
	for _, in := range t.Msg.TxIn {
		if dead {
			break
		}
		parent := s.l.txs[in.PreviousOutPoint.Hash]
		dead = s.l.confirmedRival(t, in.PreviousOutPoint) != nil || parent != nil && s.isDead(parent)
	}
	s.dead[t] = dead
	return dead
}

// confirmedRival returns another transaction that spends the output and is
// confirmed.
func (l *Ledger) confirmedRival(t *Tx, point wire.OutPoint) *Tx {
	for _, spender := range l.spends[point] {
		if rival := l.txs[spender]; rival != t && rival.Block != nil {
			return rival
		}
	}
	return nil
}

// isReplaced reports whether a transaction that is nowhere has a rival in the
// mempool, or descends from one that has.
func (s *standing) isReplaced(t *Tx) bool {
	if t.Block != nil || t.Pool != Outside {
		return false
	}
	if replaced, known := s.replaced[t]; known {
		return replaced
	}
	s.replaced[t] = false
	replaced := slices.ContainsFunc(t.Msg.TxIn, func(in *wire.TxIn) bool {
		parent := s.l.txs[in.PreviousOutPoint.Hash]
		return s.pooledRival(t, in.PreviousOutPoint) || parent != nil && s.isReplaced(parent)
	})
	s.replaced[t] = replaced
	return replaced
}

// pooledRival reports whether another transaction of the mempool spends the
// output.
func (s *standing) pooledRival(t *Tx, point wire.OutPoint) bool {
	return slices.ContainsFunc(s.l.spends[point], func(spender chainhash.Hash) bool {
		rival := s.l.txs[spender]
		return rival != t && rival.Pool != Outside && s.counts(rival)
	})
}

// mayConfirm reports whether a transaction is confirmed or may yet be.
func (s *standing) mayConfirm(t *Tx) bool {
	return s.counts(t) || !t.Abandoned && !s.isDead(t) && !s.isReplaced(t)
}

// isSpent reports whether the output must not be spent.
func (s *standing) isSpent(point wire.OutPoint) bool {
	return slices.ContainsFunc(s.l.spends[point], func(spender chainhash.Hash) bool { return s.mayConfirm(s.l.txs[spender]) })
}

// isTrusted reports whether a stranger cannot replace a transaction that
// counts: it is confirmed, or the wallet signed all of it and trusts what it
// spends.
func (s *standing) isTrusted(t *Tx) bool {
	if t.Block != nil {
		return true
	}
	if trusted, known := s.trusted[t]; known {
		return trusted
	}
	s.trusted[t] = false
	if !s.counts(t) {
		return false
	}
	for _, in := range t.Msg.TxIn {
		out := s.l.Output(in.PreviousOutPoint)
		if out == nil {
			return false
		}
		if _, ours := s.l.mine(out.PkScript); !ours || !s.isTrusted(s.l.txs[in.PreviousOutPoint.Hash]) {
			return false
		}
	}
	s.trusted[t] = true
	return true
}

// IsTrusted reports whether a transaction is confirmed, or in the mempool and
// made by the wallet alone.
func (l *Ledger) IsTrusted(t *Tx) bool { return l.standing().isTrusted(t) }

// Confirmations of a transaction: negative if a confirmed one conflicts with
// it or with what it descends from, as deep as that one is.
func (l *Ledger) Confirmations(t *Tx) int32 {
	if t.Block != nil {
		return l.tip - t.Block.Height + 1
	}
	return -l.conflictDepth(t, map[*Tx]int32{})
}

func (l *Ledger) conflictDepth(t *Tx, seen map[*Tx]int32) int32 {
	if depth, known := seen[t]; known || t.Block != nil {
		return depth
	}
	seen[t] = 0
	deepest := int32(0)
	for _, in := range t.Msg.TxIn {
		if rival := l.confirmedRival(t, in.PreviousOutPoint); rival != nil {
			deepest = max(deepest, l.tip-rival.Block.Height+1)
		}
		if parent := l.txs[in.PreviousOutPoint.Hash]; parent != nil {
			deepest = max(deepest, l.conflictDepth(parent, seen))
		}
	}
	seen[t] = deepest
	return deepest
}

// Conflicts returns the other known transactions that spend an output that t
// spends, without duplicates, in a stable order.
func (l *Ledger) Conflicts(t *Tx) []chainhash.Hash {
	var rivals []chainhash.Hash
	for _, in := range t.Msg.TxIn {
		for _, spender := range l.spends[in.PreviousOutPoint] {
			if spender != t.Hash {
				rivals = append(rivals, spender)
			}
		}
	}
	slices.SortFunc(rivals, func(a, b chainhash.Hash) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(rivals)
}
