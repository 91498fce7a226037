package index

import (
	"encoding/binary"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// Spenders finds the confirmed transactions that spent outputs.
type Spenders struct {
	Index
	salt Salt
}

// OpenSpenders goes on where the database ends. fresh must be random; a new
// database keeps it.
func OpenSpenders(c Chain, db Store, fresh Salt) (*Spenders, error) {
	s := &Spenders{Index: Index{name: "txospenderindex", chain: c, db: db}}
	s.keeper = s
	var err error
	if s.salt, err = loadSalt(db, fresh); err != nil {
		return nil, err
	}
	return s, s.open()
}

func (s *Spenders) needsSpent() bool { return false }

func outPointName(op *wire.OutPoint) []byte {
	return binary.LittleEndian.AppendUint32(slices.Clone(op.Hash[:]), op.Index)
}

func (s *Spenders) keep(to store.Writer, b *connected) ([]byte, error) {
	return nil, eachTx(b.Block, func(i int, tx *consensus.Tx, offset int) error {
		if i == 0 {
			return nil
		}
		for _, in := range tx.TxIn {
			if err := to.Put(s.salt.key(outPointName(&in.PreviousOutPoint), b.node, offset), nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// Find returns the transaction that spent an output in the chain up to the
// index's position; nil if there is none.
func (s *Spenders) Find(op wire.OutPoint) (*Found, error) {
	fits := func(tx *consensus.Tx) bool {
		return slices.ContainsFunc(tx.TxIn, func(in *wire.TxIn) bool { return in.PreviousOutPoint == op })
	}
	return finder{&s.Index, fits}.find(s.salt.prefix(outPointName(&op)), false)
}
