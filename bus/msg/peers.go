package msg

import (
	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// What workers ask and tell the manager of connections. The manager never
// calls a worker: its orders are fetched by long poll.
var (
	// RegisterWorker announces the calling instance, with the connections it
	// has already if the manager was restarted.
	RegisterWorker = bus.Method[p2p.RegisterWorkerRequest, p2p.RegisterWorkerReply]("peers.worker.register")
	// NextOrders returns what the calling instance has to do, in order; it
	// waits up to PollSeconds for something. Orders are repeated until a
	// request acknowledges them. Error kind KindUnknownWorker: register again.
	NextOrders = bus.Method[p2p.NextOrdersRequest, p2p.NextOrdersReply]("peers.worker.orders")
	// OpenPeer asks whether a connection that was accepted or dialled may
	// live, and numbers it.
	OpenPeer = bus.Method[p2p.OpenPeerRequest, p2p.OpenPeerReply]("peers.open")
	// DialFailed reports the end of a dial that opened nothing.
	DialFailed = bus.Method[p2p.DialFailedRequest, bus.None]("peers.dialfailed")
	// ShowDial tells the dialler what it is that a worker was ordered to dial, and by
	// which proxies. Nobody else may ask. Error kind KindUnknownDial.
	ShowDial = bus.Method[p2p.ShowDialRequest, p2p.DialOrder]("peers.dial.show")
	// ClosePeer reports the end of a connection.
	ClosePeer = bus.Method[p2p.ClosePeerRequest, bus.None]("peers.close")
	// ReportPeers answers an order for a report.
	ReportPeers = bus.Method[p2p.ReportPeersRequest, bus.None]("peers.report")
	// CaptureMessage keeps a message of a connection, for -capturemessages.
	CaptureMessage = bus.Method[p2p.CaptureMessageRequest, bus.None]("peers.capture")
	// LeaseTraffic asks for bytes of a limited rate. It answers at once, with the
	// pause after which they may be used.
	LeaseTraffic = bus.Method[p2p.LeaseTrafficRequest, p2p.LeaseTrafficReply]("peers.traffic.lease")
)

// PeerClosed tells of every connection that has ended, with the reason. Workers do not
// hear it: who else is connected is none of a stranger's business.
var PeerClosed = bus.Topic[p2p.PeerClosedEvent]("peers.event.closed")

// PollSeconds is how long NextOrders waits at most.
const PollSeconds = 120

// KindUnknownWorker is the error of a call from a worker that the manager does
// not know: it was restarted since.
const KindUnknownWorker bus.Kind = "peers.unknown-worker"

// KindUnknownDial is the error of a question for a dial that the worker does not have.
const KindUnknownDial bus.Kind = "peers.unknown-dial"
