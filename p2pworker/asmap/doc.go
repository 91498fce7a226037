// Package asmap reads maps from IP addresses to autonomous systems: who announces an
// address by BGP, as a number. With one of them peers are chosen by operators of
// networks rather than by ranges of addresses, of which an operator may have many.
//
// The form is that of Bitcoin Core's -asmap, a trie of prefixes as a program of bits. A
// Map has been checked as a whole (New), so that looking an address up always ends with
// an answer. It is never changed, and knows no files.
package asmap
