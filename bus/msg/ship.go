package msg

import "github.com/bulkheadnode/bulkhead/bus"

// What parts ask of the supervisor.
var (
	// SpawnWorker starts one more worker process.
	SpawnWorker = bus.Method[bus.None, SpawnReply]("ship.worker.spawn")
	// SpawnWallet starts the process of one wallet and returns when it has
	// been attached to the bus.
	SpawnWallet = bus.Method[SpawnWalletRequest, SpawnReply]("ship.wallet.spawn")
	// StopWallet ends the process of one wallet in order.
	StopWallet = bus.Method[SpawnReply, bus.None]("ship.wallet.stop")
)

// SpawnReply names the new instance.
type SpawnReply struct {
	Instance string `cbor:"1,keyasint"`
}

// SpawnWalletRequest names a wallet. The passphrase never comes this way.
type SpawnWalletRequest struct {
	Name   string `cbor:"1,keyasint"`
	Create bool   `cbor:"2,keyasint"` // it does not exist yet
}
