// Package gateway serves JSON-RPC over HTTP and hands each request to the
// part that announced its method. It knows no method of its own but help,
// getrpcinfo, getopenrpcinfo and echo, and touches no file. What documents tell of
// methods is what the parts announced of them.
//
// It speaks JSON-RPC 1.0, 1.1 and 2.0, batches and named arguments, with the
// status codes, error codes and texts of Bitcoin Core (src/httprpc.cpp,
// src/rpc/request.cpp), because clients depend on them.
//
// With Config.REST it serves the REST interface beside that (package rest), which is made
// of the same commands: it has their places, and nobody logs in for it.
//
// On listeners of their own it serves metrics in Prometheus's text format at
// GET /metrics, without a password. It keeps none: each scrape asks the broker
// and the parts, with a deadline, and leaves out what does not answer.
//
// HTTP itself is spoken by the package httpserver, by Bitcoin Core's rules.
//
// Bounds: connections, a request's body and header, the calls to each compartment at a time
// and those that wait for that, the scrapes at a time. What is beyond them is
// refused, never queued. The calls to one compartment take no place away from
// those to another, and are given up when it no longer answers the broker's
// pings: a call that does not depend on a stalled compartment is answered.
//
// A result of more than one piece is written as it arrives. As many of those as
// there may be calls are under way from each compartment at a time, and as many
// wait; a client that does not take a megabyte within the server's time-out is
// given up. So slow readers delay other long results, for a time, and no call.
//
// Run owns the HTTP servers' goroutines, the one that follows the bus's registry
// and the one that looks for silent compartments, and joins them; requests in progress are answered before it
// returns, within a grace period.
package gateway
