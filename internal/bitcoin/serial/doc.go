// Package serial reads and writes the pieces of Bitcoin's serialisation: integers
// (little-endian), compact sizes, and bytes after their length as a compact size.
//
// A Reader remembers its first error and returns zeros from then on, so that a
// decoder asks once, at a place where it matters. Nothing is allocated for a length
// that the input does not have. Texts of errors are Bitcoin Core's (serialize.h,
// streams.h), because clients see them.
//
// It is pure.
package serial
