// Package slots is a table of things in flight, such as calls, whose ids name
// a slot and the use of that slot: looking one up takes no hashing, adding one
// takes no memory once the table has grown, and an id that comes late never
// finds what took its slot since.
//
// A Table has no lock of its own; its owner has one anyway.
package slots
