package follow

import (
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// maxLocator bounds the blocks that a position remembers.
const maxLocator = 64

// Position is how far the wallet has followed the chain.
type Position struct {
	Locator []chainhash.Hash // blocks it has followed, highest first; never empty
	Height  int32            // of Locator[0]
}

// Hash is the last block that was followed.
func (p Position) Hash() chainhash.Hash { return p.Locator[0] }

// rewound returns the position at a block of the locator, or at one that is
// not in it and below all that are.
func (p Position) rewound(hash chainhash.Hash, height int32) Position {
	if i := slices.Index(p.Locator, hash); i >= 0 {
		return Position{Locator: p.Locator[i:], Height: height}
	}
	return Position{Locator: []chainhash.Hash{hash}, Height: height}
}

// advanced returns the position with a block on top. Of old blocks ever fewer
// are kept.
func (p Position) advanced(hash chainhash.Hash, height int32) Position {
	locator := append([]chainhash.Hash{hash}, p.Locator...)
	if len(locator) > maxLocator {
		const recent = maxLocator / 2
		kept := slices.Clone(locator[:recent])
		for i := recent; i < len(locator); i += 2 {
			kept = append(kept, locator[i])
		}
		locator = kept
	}
	return Position{Locator: locator, Height: height}
}
