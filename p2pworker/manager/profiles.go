package manager

import (
	"net/netip"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// Profile is a -listenprofile: a listener of its own, with what its peers may expect
// and what they may take.
type Profile struct {
	Name string
	// Bind is the address that it listens on.
	Bind netip.AddrPort
	// Services are told to its peers, and enforced.
	Services wire.ServiceFlag
	// Slots are its own: connections that are counted nowhere else.
	Slots       int
	Permissions p2p.Permissions
	// Rates are those of all its connections together. Exempt: no other limit of
	// rates applies, and none of its connections is evicted.
	Rates  p2p.Rates
	Exempt bool
}

// profileAt is the profile of the listener that a connection came by, an empty one if
// it has none.
func (c Config) profileAt(local p2p.Endpoint, inbound bool) Profile {
	if !inbound {
		return Profile{}
	}
	at, _ := local.AddrPort()
	for _, p := range c.Profiles {
		if p.Bind == at || p.Bind.Addr().IsUnspecified() && p.Bind.Port() == at.Port() {
			return p
		}
	}
	return Profile{}
}
