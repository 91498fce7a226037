// Package logging writes debug.log: one file, opened for appending, shared by
// all processes of a node. A line is on its way to the file, in one write,
// before the call that logged it returns, so that a client that is answered later
// finds it there.
//
// The layout of a line is Bitcoin Core's: time, then a tag for the category
// and level, then the message. The category is the attribute "cat" of the
// logger; other attributes are appended as key=value.
//
// Of what one place in the program logs unasked, a MiB an hour is written: who makes
// us log is not to fill the disk.
//
// The package owns no goroutine and no file: the writer is handed in.
package logging
