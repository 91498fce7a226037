package node

import "github.com/bulkheadnode/bulkhead/bus/rpc"

// Commands lists what every node offers to JSON-RPC clients.
func Commands() rpc.Table { return (&node{}).table() }
