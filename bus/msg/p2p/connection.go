package p2p

import (
	"slices"
	"strings"
)

// ConnectionType says why a connection exists. The text is Bitcoin Core's.
type ConnectionType string

// The connection types.
const (
	Inbound        ConnectionType = "inbound"
	Manual         ConnectionType = "manual"
	FullRelay      ConnectionType = "outbound-full-relay"
	BlockRelayOnly ConnectionType = "block-relay-only"
	Feeler         ConnectionType = "feeler"
	AddrFetch      ConnectionType = "addr-fetch"
	// PrivateBroadcast connections send one transaction of our user's each, and tell
	// nothing else.
	PrivateBroadcast ConnectionType = "private-broadcast"
)

// ConnectionTypes lists them.
func ConnectionTypes() []ConnectionType {
	return []ConnectionType{Inbound, Manual, FullRelay, BlockRelayOnly, Feeler, AddrFetch, PrivateBroadcast}
}

// Permissions is a set of what -whitelist and -whitebind grant.
type Permissions uint16

// The permissions, in the order in which Bitcoin Core lists them. NoBan contains
// Download, and ForceRelay contains Relay, when they are granted by name.
const (
	BloomFilter Permissions = 1 << iota
	NoBan
	ForceRelay
	Relay
	Mempool
	Download
	Addr
)

// AllPermissions is the set of all.
const AllPermissions = BloomFilter | NoBan | ForceRelay | Relay | Mempool | Download | Addr

// permissionNames are Bitcoin Core's, by bit.
var permissionNames = [...]string{"bloomfilter", "noban", "forcerelay", "relay", "mempool", "download", "addr"}

// Has reports whether all of some permissions are in the set.
func (p Permissions) Has(some Permissions) bool { return p&some == some }

// Names lists the set by Bitcoin Core's names.
func (p Permissions) Names() []string {
	names := []string{}
	for bit, name := range permissionNames {
		if p.Has(1 << bit) {
			names = append(names, name)
		}
	}
	return names
}

// String joins the names with commas.
func (p Permissions) String() string { return strings.Join(p.Names(), ",") }

// ParsePermission returns what Bitcoin Core grants by a name; "all" and the old
// name "bloom" are names too. Zero is returned for an unknown one.
func ParsePermission(name string) Permissions {
	switch name {
	case "all":
		return AllPermissions
	case "bloom":
		return BloomFilter
	case "noban":
		return NoBan | Download
	case "forcerelay":
		return ForceRelay | Relay
	}
	if bit := slices.Index(permissionNames[:], name); bit >= 0 {
		return 1 << bit
	}
	return 0
}
