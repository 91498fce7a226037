// Package twin verifies signatures with btcec, for package signature, which says
// what they are like. Nothing here is fast: it is what a faster library has to
// agree with.
package twin
