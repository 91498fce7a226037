package ship

import (
	"github.com/bulkheadnode/bulkhead/bus/gateway"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/bus/rights"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/notify"
	"github.com/bulkheadnode/bulkhead/p2pworker/manager"
	"github.com/bulkheadnode/bulkhead/wallet"
)

// partRights is what each role may do: the commands that it may offer are those
// of its own tables.
func partRights() rights.Table {
	commands := roles.Commands{roles.Worker: part.Commands().Names(), roles.Dialler: part.Commands().Names()}
	for role, table := range map[rights.Role]rpc.Table{
		roles.Supervisor: (&ship{}).table(), roles.Peers: manager.Commands(), roles.Wallet: wallet.Commands(),
		roles.Notify: notify.Commands(), roles.Gateway: gateway.Commands(),
	} {
		commands[role] = append(part.Commands(), table...).Names()
	}
	return roles.Table(commands)
}
