// Package output makes output scripts, and tells what can be seen of one without
// spending it: its type, what it holds, whether it can be spent at all, and whether
// it may be wrapped in a hash.
//
// It is pure.
package output
