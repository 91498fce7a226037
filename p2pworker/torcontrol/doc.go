// Package torcontrol asks a Tor daemon for an onion service and for its SOCKS port, by
// Tor's control protocol (https://spec.torproject.org/control-spec).
//
// Replies are bounded: lines of at most maxLine bytes, at most maxLines of them. What a
// daemon says is believed about nothing but itself; the cookie that proves who we are
// is not sent, only what is computed from it and from numbers of both sides. The caller
// sets deadlines, reads files and keeps keys.
package torcontrol
