package msg

import "github.com/bulkheadnode/bulkhead/bus"

// What parts ask of the supervisor.
var (
	// SpawnWorker starts one more worker process.
	SpawnWorker = bus.Method[bus.None, SpawnReply]("ship.worker.spawn")
	// SpawnWallet starts the process of one wallet and returns when it is on
	// the bus; error kind KindSpawnFailed with what it said if it ended before.
	SpawnWallet = bus.Method[SpawnWalletRequest, SpawnReply]("ship.wallet.spawn")
	// StopWallet ends the process of one wallet in order.
	StopWallet = bus.Method[SpawnReply, bus.None]("ship.wallet.stop")
)

// KindSpawnFailed is the error of a process that did not come up.
const KindSpawnFailed bus.Kind = "ship.spawn-failed"

// SpawnReply names the new instance.
type SpawnReply struct {
	Instance string `cbor:"1,keyasint"`
}

// SpawnWalletRequest names a wallet that exists.
type SpawnWalletRequest struct {
	Name string `cbor:"1,keyasint"`
}
