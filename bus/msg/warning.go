package msg

import "github.com/bulkheadnode/bulkhead/bus"

var (
	// GetWarnings asks the node what its user should know.
	GetWarnings = bus.Method[bus.None, WarningsReply]("node.chain.warnings")
	// Warned tells of a warning that there was not before.
	Warned = bus.Topic[WarnedEvent]("node.warned")
)

// WarningsReply holds the texts of all warnings.
type WarningsReply struct {
	Texts []string `cbor:"1,keyasint,omitempty"`
}

// WarnedEvent holds the text of the warning.
type WarnedEvent struct {
	Text string `cbor:"1,keyasint"`
}
