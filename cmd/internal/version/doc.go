// Package version tells which Bulkhead this is: the number of the release, and
// what the Go command wrote into the program about its source.
//
// It is pure but for Text, which reads the program's own build information. It
// starts no goroutine.
package version
