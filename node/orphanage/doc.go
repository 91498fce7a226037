// Package orphanage keeps transactions whose parents are not known, until those
// come or room is needed.
//
// What is kept is shared fairly among the peers that announced it (Bitcoin Core's
// limits): each peer has a share of memory that nobody else can take, and the
// number of announcements, weighed by inputs, is bounded over all. Beyond a bound
// the peer that exceeds its share the most loses what it announced first. A
// transaction is kept as long as somebody who announced it has a right to it, so
// that one peer cannot drive out what another brought.
//
// It is a pure core and not safe for concurrent use.
package orphanage
