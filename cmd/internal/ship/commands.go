package ship

import (
	"slices"
	"strings"

	"github.com/bulkheadnode/bulkhead/bus/gateway"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	noderpc "github.com/bulkheadnode/bulkhead/node/rpc"
	"github.com/bulkheadnode/bulkhead/notify"
	"github.com/bulkheadnode/bulkhead/p2pworker/manager"
	"github.com/bulkheadnode/bulkhead/wallet"
)

// Commands lists what the parts of a node offer to JSON-RPC clients, ordered by name.
// It is for showing and for reading command lines: none of them can be run.
func Commands() rpc.Table {
	all := slices.Concat(
		(&ship{}).table(), noderpc.Table(&noderpc.Node{}), manager.Commands(), wallet.Commands(), notify.Commands(),
		gateway.Commands(), part.Commands(),
	)
	slices.SortFunc(all, func(a, b rpc.Command) int { return strings.Compare(a.Name, b.Name) })
	// What every part does, several may offer.
	return slices.CompactFunc(all, func(a, b rpc.Command) bool { return a.Name == b.Name && a.EveryPart && b.EveryPart })
}
