package chain

import "github.com/bulkheadnode/bulkhead/node/consensus"

const (
	versionTopBits = 0x20000000
	versionTopMask = 0xe0000000
)

// BlockVersion returns the version that a block on top of parent should have
// to signal the deployments in progress (BIP9).
func BlockVersion(parent *BlockNode, p *consensus.Params) int32 {
	version := int32(versionTopBits)
	if state := DeploymentState(parent, p.TestDummy); state == Started || state == LockedIn {
		version |= 1 << p.TestDummy.Bit
	}
	return version
}

// Deployment states of BIP9; there is no time-out.
const (
	Defined  = "defined"
	Started  = "started"
	LockedIn = "locked_in"
	Active   = "active"
)

// DeploymentState returns a deployment's state for the block on top of parent.
func DeploymentState(parent *BlockNode, d consensus.Deployment) string {
	if d.Start == consensus.NeverActive {
		return Defined
	}
	state := Defined
	// States change at the ends of periods only, and the deployments that can
	// start are those of young chains: walking up is cheap.
	for height := d.Period - 1; parent != nil && height <= parent.Height; height += d.Period {
		end := parent.Ancestor(height)
		switch state {
		case Defined:
			if end.MedianTime() >= d.Start {
				state = Started
			}
		case Started:
			if signals(end, d) >= d.Threshold {
				state = LockedIn
			}
		case LockedIn:
			return Active
		}
	}
	return state
}

func signals(end *BlockNode, d consensus.Deployment) (count int32) {
	for n, left := end, d.Period; n != nil && left > 0; n, left = n.Parent, left-1 {
		if Signals(n, d) {
			count++
		}
	}
	return count
}

// Signals reports whether a block's version signals readiness.
func Signals(n *BlockNode, d consensus.Deployment) bool {
	return uint32(n.Version)&versionTopMask == versionTopBits && n.Version>>d.Bit&1 != 0
}
