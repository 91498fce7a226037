// Package rpc is the node's JSON-RPC commands, by families, over small views of
// the node that are declared here (Tree, Blocks, Coins, Owner, Sets, Mempool).
//
// A new command is an entry in the table of its family, and the function that
// runs it. What it returns is rendered as JSON by its field tags; an error with a
// code is an *rpc.Error of bus/rpc. Commands run in the goroutines of the bus, many
// at a time; none keeps a lock while it waits.
package rpc
