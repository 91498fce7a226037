// Package broker routes messages between links: calls to who offers the
// method, replies to who called, events to who subscribed. It reads headers
// only; bodies and attachments pass through unread and uncopied.
//
// Guarantees:
//   - A link is an identity (role, instance) that whoever attached it vouches
//     for. The rights table decides what the role may call, offer, publish and
//     hear; a refusal is an error to the caller and one log line.
//   - A call nobody can serve fails at once. When a link ends, the callers of
//     everything it had in flight get "gone" and the handlers of its own calls
//     are cancelled.
//   - The router never blocks on a link. A full queue means "overloaded" to a
//     caller and a counted gap to a subscriber.
//   - A link that sends something malformed is closed and logged once.
//
// The broker itself offers bus.registry and publishes bus.link.up and
// bus.link.gone (see package msg).
//
// New starts nothing. Serve runs one link in the calling goroutine (and joins
// the link's writer); whoever calls it owns that goroutine. There is no clock
// but for measuring calls, and no disk.
package broker
