// Package address turns addresses into output scripts and back, and describes
// them as Bitcoin Core's JSON-RPC does. It is shared by the parts of Bulkhead,
// so that they say the same of an address.
//
// It is pure: the chain is an argument.
package address
