// Package render shows scripts, transactions and blocks as Bitcoin Core's
// JSON-RPC does: disassembly, and structs whose JSON
// has the same members in the same order.
//
// It is pure: everything it needs is an argument.
package render
