// Package throttle is the decision core of traffic limits: how many bytes which
// connection may move, and when.
//
// A Ledger keeps a token bucket a limit: for all traffic, for each class of
// messages and for each listening profile, by direction. Connections live in many
// processes, so each asks for a lease: some bytes, and the pause after which it may
// use them. What is leased is taken from all buckets that apply at once, so that
// the rates hold over all processes whatever these do at a time.
//
// # Guarantees
//
//   - Over any time a limit is exceeded by no more than its burst, a quarter of a
//     second's bytes, but for what is urgent, which is made up for afterwards.
//   - Leases are granted in the order in which they are asked for, each for a
//     twentieth of a second of the rate: many busy connections share it about equally.
//   - A connection has one lease a direction that is not due. Who asks more often
//     gets nothing.
//   - What a quiet connection moves does not wait: 16 KiB, and 4 KiB more each second,
//     as long as that is a quarter of the rate for all of them.
//   - Urgent bytes do not wait, up to 4 MB a connection and a minute's bytes (of 4 to
//     16 MB) of all, and after that a quarter and half of the rate: what a process in a
//     stranger's hands takes from others is bounded, and no more than the rate is moved
//     in the long run.
//
// The caller owns clock and goroutines. Own is the same for a limit that only one
// process keeps: urgent bytes do not wait up to a minute's bytes (of 64 KiB to 4 MB), and
// after that a quarter of the rate. Token buckets are golang.org/x/time/rate's.
package throttle
