// Package output tells what can be seen of an output script without spending
// it: its type, and whether it can be spent at all.
//
// It is pure.
package output
