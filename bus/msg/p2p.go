package msg

import (
	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// Of is the bus's method of a name that cores use.
func Of[Req, Rep any](m p2p.Method[Req, Rep]) bus.Method[Req, Rep] { return bus.Method[Req, Rep](m) }

// StreamOf is the bus's stream of a name that cores use.
func StreamOf[Req, Item any](s p2p.Stream[Req, Item]) bus.Stream[Req, Item] {
	return bus.Stream[Req, Item](s)
}

// TxsAnnounced tells workers which transactions entered the mempool.
var TxsAnnounced = bus.Topic[p2p.TxsAnnouncedEvent]("node.txs")

// PeerTold is published to one worker, for one of its peers. The suffix is the
// worker's instance and a dot, without which worker.1 would hear what worker.12
// is told.
var PeerTold = bus.Topic[p2p.PeerEvent]("node.peer.")
