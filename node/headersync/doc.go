// Package headersync learns whether a peer's chain of headers has enough work to
// be kept, at a few bits a thousand headers.
//
// A header costs little to make where difficulty is low, and is kept for good.
// So headers that do not show enough work are downloaded twice (Bitcoin Core's
// headers presync). In the first pass nothing is kept but the sum of their work
// and, for every so many headers, one salted bit of a hash. Once the work is
// enough the peer is asked again from the start; a header is handed out for
// keeping only when so many headers above it agree with those bits that another
// chain would hardly have come so far.
//
// It is a pure core: salt, offset and bounds are arguments. A Sync is not safe for
// concurrent use. Its memory is one bit a period of headers, and in the second
// pass a buffer of some thousand headers.
package headersync
