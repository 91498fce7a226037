package mining

import "github.com/bulkheadnode/bulkhead/node/consensus"

// Limits bounds a block.
type Limits struct {
	Weight   int   // of the whole block
	Reserved int   // weight kept for header and coinbase
	SigOps   int   // cost kept for the coinbase
	MinRate  int64 // satoshi per 1000 vbytes
	Height   int32
	Time     int64 // median time past of the parent, for lock times
}

// DefaultLimits are Bitcoin Core's.
func DefaultLimits() Limits {
	return Limits{Weight: consensus.MaxBlockWeight, Reserved: 8000, SigOps: 400, MinRate: 1}
}
