package roles

import "github.com/bulkheadnode/bulkhead/bus/rights"

// The roles of the parts, and of programs of others.
const (
	Supervisor rights.Role = "supervisor"
	Node       rights.Role = "node"
	Peers      rights.Role = "peers"
	Worker     rights.Role = "worker"
	Dialler    rights.Role = "dialler"
	Wallet     rights.Role = "wallet"
	Notify     rights.Role = "notify"
	Gateway    rights.Role = "gateway"
	Client     rights.Role = "client"
)
