package p2p

// Direction is where bytes go, as this machine sees it.
type Direction uint8

// The directions.
const (
	Down Direction = iota
	Up
)

// Directions is their number.
const Directions = 2

// TrafficClass groups messages by what they are for.
type TrafficClass uint8

// The classes. Headers, pings and what belongs to no other class are OtherTraffic.
const (
	OtherTraffic TrafficClass = iota
	BlockTraffic
	TxTraffic
	AddressTraffic
	HandshakeTraffic
)

// TrafficClasses is their number.
const TrafficClasses = 5

// trafficClassNames are what users call them; OtherTraffic has no limit of its own.
var trafficClassNames = [TrafficClasses]string{"", "blocks", "transactions", "addresses", "handshakes"}

// Name is what users call the class, "" for OtherTraffic.
func (c TrafficClass) Name() string {
	if int(c) >= len(trafficClassNames) {
		return ""
	}
	return trafficClassNames[c]
}

// ParseTrafficClass is the reverse of Name.
func ParseTrafficClass(name string) (TrafficClass, bool) {
	for i, known := range trafficClassNames {
		if known == name && name != "" {
			return TrafficClass(i), true
		}
	}
	return OtherTraffic, false
}

// TrafficClassOf is the class of a type of message.
func TrafficClassOf(messageType string) TrafficClass {
	switch messageType {
	case "block", "merkleblock", "cmpctblock", "blocktxn", "cfilter", "cfheaders", "cfcheckpt":
		return BlockTraffic
	case "tx", "inv":
		return TxTraffic
	case "addr", "addrv2", "getaddr":
		return AddressTraffic
	case "version", "verack", "wtxidrelay", "sendaddrv2", "feature", "sendtxrcncl":
		return HandshakeTraffic
	}
	return OtherTraffic
}

// Rates are limits in bytes a second by direction, 0 for none.
type Rates [Directions]int64

// Meter says how the traffic of one connection is limited; the zero value, not at
// all.
type Meter struct {
	// Epoch tells one from the next: a lease is good for that of its time only.
	Epoch uint64 `cbor:"1,keyasint"`
	// Leased: all bytes of the direction need a lease.
	Leased [Directions]bool `cbor:"2,keyasint"`
	// Classes has the bit 1<<TrafficClass for those whose messages need one.
	Classes [Directions]uint8 `cbor:"3,keyasint"`
	// Own are the connection's own rates, which its worker keeps.
	Own Rates `cbor:"4,keyasint"`
}

// Limits reports whether anything of a direction is limited.
func (m Meter) Limits(d Direction) bool {
	return m.Leased[d] || m.Classes[d] != 0 || m.Own[d] > 0
}

// Limited reports whether anything is.
func (m Meter) Limited() bool { return m.Limits(Down) || m.Limits(Up) }

// LimitsClass reports whether the messages of a class need a lease for that.
func (m Meter) LimitsClass(d Direction, c TrafficClass) bool { return m.Classes[d]>>c&1 != 0 }

// MeterOrder changes how one connection is limited.
type MeterOrder struct {
	Peer  int64 `cbor:"1,keyasint"`
	Meter Meter `cbor:"2,keyasint"`
}

// LeaseTrafficRequest asks for bytes that a connection may send or receive.
type LeaseTrafficRequest struct {
	Peer      int64        `cbor:"1,keyasint"`
	Direction Direction    `cbor:"2,keyasint"`
	Class     TrafficClass `cbor:"3,keyasint"`
	Bytes     int          `cbor:"4,keyasint"`
	// Urgent bytes do not wait: others do, until what was overdrawn is made up for.
	Urgent bool `cbor:"5,keyasint,omitempty"`
	// ClassOnly: the bytes count for their class alone. They were leased already,
	// before their class was known.
	ClassOnly bool `cbor:"6,keyasint,omitempty"`
}

// LeaseTrafficReply grants some of them after a pause. None are granted while an
// earlier lease of the connection is not due.
type LeaseTrafficReply struct {
	Bytes      int   `cbor:"1,keyasint"`
	WaitMicros int64 `cbor:"2,keyasint"`
}
