package main

import "github.com/bulkheadnode/bulkhead/node/consensus"

// Reserved for header and coinbase, as in Bitcoin Core.
const (
	reservedWeight = 8000
	reservedSigOps = 400
)

// room is what a block has left for payments.
type room struct{ weight, sigOps int }

// roomOf is that of an empty block.
func roomOf(weight int) room {
	return room{weight: weight, sigOps: consensus.MaxBlockSigOpsCost - reservedSigOps}
}

// take is false if the payment does not fit.
func (r *room) take(weight, sigOps int) bool {
	if weight > r.weight || sigOps > r.sigOps {
		return false
	}
	r.weight -= weight
	r.sigOps -= sigOps
	return true
}

// sigOps is the cost of a payment's signature operations.
func (p *payment) sigOps() (sum int) {
	for _, c := range p.spent {
		sum += c.kind.inputSigOps
	}
	for _, c := range p.made {
		sum += c.kind.outputSigOps
	}
	return sum
}
