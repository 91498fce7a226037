// Package background has a program go on without the terminal or shell that started it:
// -daemon and -daemonwait.
//
// Go programs cannot fork. The program starts itself again, with the same arguments, in
// a session of its own, and tells by an environment variable that it did. The second
// process has a pipe to the first: it writes a byte when it is ready. The first ends
// then, or at once, or with the second's exit status if that ends before.
package background
