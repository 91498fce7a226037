//go:build libsecp256k1 && cgo

package signature

// BatchesSchnorr tells whether a SchnorrBatch takes less time than its
// signatures one by one: the library has no batches.
const BatchesSchnorr = false

// SchnorrBatch verifies signatures. The zero value is empty.
type SchnorrBatch struct {
	count int
	bad   bool
}

// Len returns how many signatures were added.
func (b *SchnorrBatch) Len() int { return b.count }

// Add adds a signature. key is XOnlyKey, sig Schnorr, hash Hash bytes long.
func (b *SchnorrBatch) Add(key, sig, hash []byte) {
	b.count++
	b.bad = b.bad || !VerifySchnorr(key, sig, hash)
}

// Verify reports whether all signatures are valid, and empties the batch.
func (b *SchnorrBatch) Verify() bool {
	valid := !b.bad
	*b = SchnorrBatch{}
	return valid
}
