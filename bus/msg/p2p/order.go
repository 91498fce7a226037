package p2p

// NextOrdersRequest acknowledges the orders up to Ack.
type NextOrdersRequest struct {
	Ack uint64 `cbor:"1,keyasint"`
}

// NextOrdersReply holds orders with rising numbers, at most MaxOrders; none if
// nothing happened in time.
type NextOrdersReply struct {
	Orders []WorkerOrder `cbor:"1,keyasint"`
}

// WorkerOrder is one order. Exactly one of the pointers is set.
type WorkerOrder struct {
	Seq        uint64           `cbor:"1,keyasint"`
	Dial       *DialOrder       `cbor:"2,keyasint,omitempty"`
	Disconnect *DisconnectOrder `cbor:"3,keyasint,omitempty"`
	Report     *ReportOrder     `cbor:"4,keyasint,omitempty"`
	Relay      *RelayOrder      `cbor:"5,keyasint,omitempty"`
	Send       *SendOrder       `cbor:"6,keyasint,omitempty"`
	Ping       *PingOrder       `cbor:"7,keyasint,omitempty"`
	Leave      *LeaveOrder      `cbor:"8,keyasint,omitempty"`
	Meter      *MeterOrder      `cbor:"9,keyasint,omitempty"`
}

// DialOrder asks for a connection.
type DialOrder struct {
	ID     uint64         `cbor:"1,keyasint"`
	Target string         `cbor:"2,keyasint"` // host, host:port or address
	Kind   ConnectionType `cbor:"3,keyasint"`
	// V2: the connection is to be encrypted (BIP324), if the worker does that.
	V2 bool `cbor:"4,keyasint,omitempty"`
	// Proxies are those by which the target is reached: at most one for an address,
	// which it is for. A name is for the one of no network to look up, if there is
	// one; what it is looked up to otherwise has the one of its own network.
	Proxies []Proxy `cbor:"8,keyasint,omitempty"`
}

// Proxy is a SOCKS5 proxy (RFC 1928), or for I2P a router that speaks SAM, and what it
// is for.
type Proxy struct {
	// Network is the one reached by it, 0 for names.
	Network NetworkID `cbor:"1,keyasint"`
	// Address is "ip:port", or "unix:" and a path.
	Address string `cbor:"2,keyasint"`
	// Randomize gives every connection a user name and a password of its own, by
	// which Tor keeps their circuits apart.
	Randomize bool `cbor:"3,keyasint"`
}

// UnixPrefix begins the address of a proxy that is a unix socket.
const UnixPrefix = "unix:"

// DisconnectOrder asks for the end of one. Reason is logged.
type DisconnectOrder struct {
	Peer   int64            `cbor:"1,keyasint"`
	Reason string           `cbor:"2,keyasint"`
	Code   DisconnectReason `cbor:"3,keyasint"`
}

// ReportOrder asks for a ReportPeers call with the same ID.
type ReportOrder struct {
	ID uint64 `cbor:"1,keyasint"`
}

// RelayOrder asks to pass addresses on to a peer.
type RelayOrder struct {
	Peer      int64     `cbor:"1,keyasint"`
	Addresses []NetAddr `cbor:"2,keyasint"`
}

// SendOrder asks to send a message of any type to a peer.
type SendOrder struct {
	Peer    int64  `cbor:"1,keyasint"`
	Type    string `cbor:"2,keyasint"`
	Payload []byte `cbor:"3,keyasint"`
}

// PingOrder asks to ping all peers.
type PingOrder struct{}

// LeaveOrder asks a worker to end, if it is idle: there are too many.
type LeaveOrder struct {
	// AfterLast: it is to take no more connections, and to end when it has none any more.
	AfterLast bool `cbor:"1,keyasint,omitempty"`
}
