// Package banlist decides which addresses may not connect: subnets banned by
// the operator, and addresses discouraged because their peers misbehaved.
//
// Bans have an end and are written to banlist.json in Bitcoin Core's form;
// discouragement is bounded in number and forgotten at restart. Neither a
// clock nor a file is touched here: now is an argument, and Encode and Decode
// work on bytes. A List is used by one goroutine at a time.
package banlist
