// Package interop lets implementations that nobody here wrote use a node, as a
// module of its own, since they need other versions of the libraries. It has no code.
package interop
