package node

import (
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	noderpc "github.com/bulkheadnode/bulkhead/node/rpc"
)

// Commands lists what every node offers to JSON-RPC clients.
func Commands() rpc.Table { return noderpc.Table(&noderpc.Node{}) }
