// Package part is the shell that every compartment shares: what the
// supervisor hands to a part, and how a part attaches to the bus, serves it
// and leaves it in order.
//
// Env.Serve owns two goroutines, the link's and the part's own function, and
// joins both. A part that fails is started again, unless its error is an
// ErrFinal. Env.Serve adds the commands that every part answers (setmocktime).
package part
