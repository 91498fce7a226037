// Package socks5 asks a SOCKS5 proxy (RFC 1928) for connections to peers, with user
// name and password (RFC 1929) where a connection is to be kept apart from others.
//
// It sends every target as a name, an IP address too: what is to be looked up, the
// proxy does, and a proxy that dials itself needs to know one form only. Of the proxy
// it reads not a byte more than belongs to the reply, at most 266 for a connection,
// and waits for each no longer than ReplyTimeout: a proxy is no friend.
//
// golang.org/x/net/proxy sends addresses in binary, unlike Bitcoin Core, and its
// errors do not tell a peer that cannot be reached from a proxy that is broken.
package socks5
