// Package peertest is an internet for tests, with peers on it: connections with a delay
// and a rate, networks that come apart, and hundreds of peers that serve a chain well,
// badly or not at all. It keeps to the clock of its goroutines: in a bubble of
// testing/synctest a week takes as long as what happens in it.
//
// A node under test is wired to it by part.Env: Network.Dialer is its Dial, a Listener
// one of its Listeners.
package peertest
