// Package child starts copies of the running program as processes of their own
// and talks to them over their standard input and output, one JSON value a
// line.
//
// A program that starts children looks first whether it is one:
//
//	if child.Is(os.Args[1:]) { ... }
//
// A child says hello when it is ready and then answers commands, one after the
// other, until its input ends; then it ends, so none outlives the program that
// started it. A child that does not answer or end in time is killed.
package child
