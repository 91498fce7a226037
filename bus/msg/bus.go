package msg

import "github.com/bulkheadnode/bulkhead/bus"

// Registry lists the attached links whose coming the caller may hear. The broker
// itself answers.
var Registry = bus.Method[bus.None, RegistryReply]("bus.registry")

// LinkUp is published by the broker when a link has announced what it offers,
// LinkGone when a link has ended for whatever reason; with the link's role as
// suffix. A thousand workers that all hear of each other are a million events.
var (
	LinkUp   = bus.Topic[RegistryEntry]("bus.link.up.")
	LinkGone = bus.Topic[RegistryEntry]("bus.link.gone.")
)

// RegistryReply holds one entry a link, in no order.
type RegistryReply struct {
	Links []RegistryEntry `cbor:"1,keyasint"`
}

// RegistryEntry is what one link announced.
type RegistryEntry struct {
	Instance string            `cbor:"1,keyasint"`
	Role     string            `cbor:"2,keyasint"`
	Offers   []string          `cbor:"3,keyasint,omitempty"`
	Meta     map[string][]byte `cbor:"4,keyasint,omitempty"`
	Link     uint64            `cbor:"5,keyasint"` // tells links of the same instance apart; rises
}

// WalletMeta is the key of RegistryEntry.Meta under which the process of a
// wallet announces the wallet's name, by which the gateway routes.
const WalletMeta = "wallet"
