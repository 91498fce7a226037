package node

import (
	"context"
	"fmt"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/warnings"
)

// getWarnings serves GetWarnings.
func (n *node) getWarnings(context.Context, bus.None) (msg.WarningsReply, error) {
	return msg.WarningsReply{Texts: n.warnings.List()}, nil
}

// warn adds a warning and tells those who hear of warnings, unless there is one of the
// kind.
func (n observer) warn(kind warnings.Kind, text string) {
	if n.warnings.Set(kind, text) {
		n.log.Warn(text)
		n.feed.Warned(text)
	}
}

// lookAround sees what the chain at a tip, that is no old one, says about others.
func (n observer) lookAround(tip *chain.BlockNode) {
	for _, bit := range n.unknown.Active(tip) {
		n.warn(warnings.UnknownRules, fmt.Sprintf("Unknown new rules activated (versionbit %d)", bit))
	}
	n.compareRefused(tip)
}

// compareRefused warns of a branch that was refused and would be far ahead: it may be us
// who are wrong.
func (n observer) compareRefused(tip *chain.BlockNode) {
	const ahead = 6 // blocks
	limit := tip.Work
	for range ahead {
		limit = limit.Add(consensus.Work(tip.Bits))
	}
	if refused := n.owner.Chain().Refused(); refused != nil && refused.Work.Cmp(limit) > 0 {
		n.warn(warnings.InvalidChain, "Warning: Found invalid chain more than 6 blocks longer than our best chain. "+
			"This could be due to database corruption or consensus incompatibility with peers.")
	} else {
		n.warnings.Unset(warnings.InvalidChain)
	}
}
