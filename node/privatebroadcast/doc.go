// Package privatebroadcast keeps the transactions that our user sends by connections of
// their own (-privatebroadcast), so that nobody learns from whom they are.
//
// Each is sent to a few peers, one transaction to a peer, and to one more for each that
// hangs up before it has confirmed. It stays until it comes back from the network, or is
// aborted: one that does not come back is stale after a while, and may be sent again. The
// number of transactions is bounded, and so is the number of attempts for each, after
// which it is only shown.
//
// It is a pure core: the clock is handed in, and chance plays no part.
package privatebroadcast
