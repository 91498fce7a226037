// Package msg is the vocabulary of the bus: every method and topic by which
// Bulkhead's parts talk, with its request, reply and event types. One file
// holds one family; a method is one line plus its two structs.
//
// Integer keys are never reused for another meaning, and unknown ones are
// ignored, so that parts of different versions interoperate. Hashes are in
// internal byte order. Blocks and transactions travel as attachments
// (bus.Frames) in the P2P serialisation with witness data.
//
// A reply, an item and an event are bounded by a constant. An answer whose size
// grows with the chain, the mempool or a wallet is a bus.Stream of such items.
//
// What cores speak of stands in the package p2p below, which knows nothing of the
// bus: Of makes methods of its names.
//
// The package holds no code but types and no state.
package msg
