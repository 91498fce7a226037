package session

import "github.com/btcsuite/btcd/chainhash/v2"

// knownSet remembers at least the last limit/2 and at most limit hashes.
type knownSet struct {
	limit      int
	young, old map[chainhash.Hash]struct{}
}

func newKnownSet(limit int) knownSet {
	return knownSet{limit: limit, young: make(map[chainhash.Hash]struct{})}
}

func (k *knownSet) add(h chainhash.Hash) {
	if len(k.young) >= k.limit/2 {
		k.old, k.young = k.young, make(map[chainhash.Hash]struct{})
	}
	k.young[h] = struct{}{}
}

func (k *knownSet) has(h chainhash.Hash) bool {
	if _, ok := k.young[h]; ok {
		return true
	}
	_, ok := k.old[h]
	return ok
}
