// Package endpoint lets parts and programs on other machines, or of other
// users of this one, attach to the broker.
//
// Every connection is CURVE, on unix sockets too: the key that the peer has
// proven decides its role, and its ZMTP Identity the rest of its instance's
// name.
//
// Guarantees:
//   - Each handshake has a goroutine and a deadline of its own. The number of
//     connections that are not authenticated yet is bounded; when it is
//     reached the oldest is dropped, so that those who stay silent lock nobody
//     out. The number of links is bounded too.
//   - A peer that connects again, with the same key and the same name, replaces
//     its old link, which may be half-open. Another key cannot take the name.
//   - A peer that is gone without a word is noticed in Silence, by either end.
//     A slow line is not taken for a cut one, however much waits for it.
//   - A key that the Keyring no longer knows loses its links within about a
//     second, without a restart.
//   - A refusal is one log line with the address and the reason; beyond sixty a
//     minute only their number is logged.
//
// New starts nothing. Run owns one goroutine a listener, one a connection and
// one that looks after the keys, and joins them. Listen touches the disk for
// unix sockets; the clock is the system's. Keys are the Keyring's: package
// keyring has one that is a folder.
package endpoint
