package msg

import "github.com/bulkheadnode/bulkhead/bus"

// WantPrivate is the manager's question how many connections are wanted that send one of
// our user's transactions each (-privatebroadcast). It waits up to PrivateSeconds for
// another number than Known.
var WantPrivate = bus.Method[WantPrivateRequest, WantPrivateReply]("node.private.want")

// PrivateSeconds is how long WantPrivate waits at most: as long may pass until the node
// hears of a network that has become reachable.
const PrivateSeconds = 5

// WantPrivateRequest tells what the manager knows.
type WantPrivateRequest struct {
	Known int `cbor:"1,keyasint"` // the last number it was told, -1 for none
	// Reachable: there is a way to Tor or I2P.
	Reachable bool `cbor:"2,keyasint"`
}

// WantPrivateReply tells how many are wanted beside those that have their transaction.
type WantPrivateReply struct {
	Wanted int `cbor:"1,keyasint"`
}
