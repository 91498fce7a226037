// Package wording makes errors whose texts are Bitcoin Core's, capitals and full
// stops included, because clients compare them.
package wording
