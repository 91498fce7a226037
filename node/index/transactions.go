package index

import (
	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// Transactions finds confirmed transactions. That of genesis is none.
type Transactions struct {
	Index
	salt Salt
}

// OpenTransactions goes on where the database ends. fresh must be random; a new
// database keeps it.
func OpenTransactions(c Chain, db Store, fresh Salt) (*Transactions, error) {
	t := &Transactions{Index: Index{name: "txindex", chain: c, db: db}}
	t.keeper = t
	var err error
	if t.salt, err = loadSalt(db, fresh); err != nil {
		return nil, err
	}
	return t, t.open()
}

func (t *Transactions) needsSpent() bool { return false }

func (t *Transactions) keep(to store.Writer, b *connected) ([]byte, error) {
	if b.node.Height == 0 {
		return nil, nil
	}
	return nil, eachTx(b.Block, func(_ int, tx *consensus.Tx, offset int) error {
		return to.Put(t.salt.key(tx.ID[:], b.node, offset), nil)
	})
}

// Find returns a transaction of the chain up to the index's position; if there
// is none, of a block that has left the chain; or else nil.
func (t *Transactions) Find(txid chainhash.Hash) (*Found, error) {
	fits := func(tx *consensus.Tx) bool { return tx.ID == txid }
	return finder{&t.Index, fits}.find(t.salt.prefix(txid[:]), true)
}
