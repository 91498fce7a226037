// Package keypool knows which output scripts are a wallet's: those of the keys
// that were handed out or seen on the chain, and as many more of each branch as
// a restored backup needs to find later payments (the gap limit of BIP44).
//
// It is pure. A key is handed out only if the node has been told its script at
// some time, or is told it before anything else when the wallet is next in
// touch with it: no payment to it can be missed.
package keypool
