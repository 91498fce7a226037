// Package roles is the parts of a node, and who of them may call, offer,
// publish and hear what: the one place to read it.
package roles
