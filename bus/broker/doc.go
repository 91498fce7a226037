// Package broker routes messages between links: calls to who offers the
// method, replies to who called, streams' items as far as credit reaches,
// events to who subscribed. It reads headers only; bodies and attachments pass
// through unread.
//
// Guarantees:
//   - A link is an identity (role, instance) that the caller of Serve vouches
//     for. The table (package rights) decides what the role may call, offer,
//     publish and hear; a refusal is an error to the caller and one log line,
//     up to a rate beyond which the lines are counted.
//   - A call nobody can serve fails at once. When a link ends, the callers of
//     everything it had in flight get "gone" and the handlers of its own calls
//     are cancelled.
//   - The router never blocks on a link. A full queue means "overloaded" to a
//     caller and a counted gap to a subscriber; who does not read its replies
//     is closed.
//   - A link that sends something malformed, or finds a fault of the router, is
//     closed and logged once; the others sail on.
//   - What arrives together on one link is routed together and written once a
//     destination. Routing allocates nothing.
//
// The broker itself offers bus.registry and bus.stats and publishes
// bus.link.up.ROLE and bus.link.gone.ROLE (see package msg).
//
// New starts nothing. Serve runs one link in the calling goroutine (and joins
// the link's writer); its caller owns that goroutine. There is no clock
// but for measuring calls, and no disk.
package broker
