// Package chain is the engine that decides which blocks are the best chain
// and moves the UTXO set along it: the tree of headers, contextual rules, the
// choice by work and then by first seen, connecting and disconnecting, and
// recovery after a crash.
//
// # Ownership
//
// An Engine has one owner: calls that change it come one at a time. Its Reader's
// methods (View, ReadTip, Lookup, Info, ReadBlock, ...) may be called from anywhere
// at any time; they look at immutable snapshots, or at what the UTXO set was
// before the blocks that are under way, and never wait for a block.
// consensus.CheckBlock may be called beforehand by the goroutine that brings a
// block; the engine does not repeat it.
//
// The owner's protocol: AcceptHeaders and AcceptBlock add to the tree; Advance
// takes a step towards the best block, as long as it reports more. What any call
// has done is returned by Take, and becomes visible to Readers when the owner
// passes it to Show, so that what else has to follow the chain can do so first.
// A step is bounded, and so is what waits to be taken. Advance leaves blocks under
// way, whose scripts run meanwhile; Drain and Collect finish them, or take them
// back if one is invalid, and Abandon takes them back for the end. Where Advance
// ended for something that ends by itself, Resumes tells when to call it again.
//
// A flush is written by a goroutine, while the chain goes on: BeginFlush, or
// Advance by itself, sets aside what has changed, when no block is under way.
// Flushed tells of its end, which Collect takes in. When what is being written and
// what has changed since fill the memory, Advance does nothing until then (Crowded).
//
// # Guarantees
//
//   - A block is connected wholly or not at all. A View never shows the middle
//     of a reorganisation.
//   - Events are in one total order. What they tell is made durable after they
//     could be taken, not before.
//   - An interrupted engine connects no further block, also none that is under
//     way.
//   - After a crash at any moment, Open finds the UTXO set of a block that was
//     the tip at some flush, and goes on from there: block files are made durable
//     before the index of headers, and that before coins. Where a flush was
//     interrupted, or left undone for a quick end (Leave), Open first repeats the
//     blocks that it was about, without their scripts.
//   - A block whose content is not what its header commits to is refused without
//     a verdict on the header.
//
// # Assumed sets
//
// A UTXO set that came from elsewhere, and whose hash the software knows, can be
// made the engine's (Assume): the chain goes on from there. The set that was its
// own until then becomes a Background, a second cache of coins over the same tree
// and block files, which is not part of the choice of the best chain: it goes up
// to the assumed set's block, and nowhere else. Prove verifies its next block,
// with the same code as a block of the best chain, and may run beside all else;
// CommitProof, which is the owner's, takes the step. When the background is Done, the
// goroutine that runs it compares the sets. Until then the best chain does not go below the
// assumed set's block, because undo data is missing there, and View may contain
// blocks that are not there; Verified does not. A flush makes both sets durable.
//
// The engine starts the goroutines of the script verifier, which it joins, one at
// a time that writes a flush, which it joins at the next one or in Leave, and one
// at a time that reads the block whose turn is next (and its coins), which it
// joins at the next step, at Abandon, or before it disconnects a block. It reads
// no clock: now, in Unix seconds, is an argument.
package chain
