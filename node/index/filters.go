package index

import (
	"fmt"

	"github.com/btcsuite/btcd/btcutil/v2/gcs"
	"github.com/btcsuite/btcd/btcutil/v2/gcs/builder"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// Filters keeps the basic filter (BIP158) and the filter header (BIP157) of
// every block.
type Filters struct{ Index }

// OpenFilters goes on where the database ends.
func OpenFilters(c Chain, db Store) (*Filters, error) {
	f := &Filters{Index{name: "basic block filter index", chain: c, db: db}}
	f.keeper = f
	return f, f.open()
}

func (f *Filters) needsSpent() bool { return true }

// keep files header and filter.
func (f *Filters) keep(_ store.Writer, b *connected) ([]byte, error) {
	var previous chainhash.Hash
	if b.node.Height > 0 {
		entry, err := f.Get(b.node.Parent)
		if err == nil && entry == nil {
			err = fmt.Errorf("%w: no filter of the parent", ErrCorrupt)
		}
		if err != nil {
			return nil, err
		}
		previous = entry.Header
	}
	entry, err := newFilter(b, previous)
	if err != nil {
		return nil, err
	}
	return append(entry.Header[:], entry.Bytes...), nil
}

// Filter is a block's.
type Filter struct {
	Bytes  []byte // the number of elements, then the coded set
	Header chainhash.Hash
}

func newFilter(b *connected, previous chainhash.Hash) (*Filter, error) {
	msg := &wire.MsgBlock{Header: b.Header}
	for _, tx := range b.Txs {
		msg.Transactions = append(msg.Transactions, tx.MsgTx)
	}
	var scripts [][]byte
	for _, spent := range b.spent {
		for i := range spent {
			scripts = append(scripts, spent[i].Script)
		}
	}
	set, err := builder.BuildBasicFilter(msg, scripts)
	if err != nil {
		return nil, err
	}
	bytes, err := set.NBytes()
	if err != nil {
		return nil, err
	}
	header, err := builder.MakeHeaderForFilter(set, previous)
	return &Filter{Bytes: bytes, Header: header}, err
}

// Get returns a block's filter, nil if the index never contained the block.
func (f *Filters) Get(at *chain.BlockNode) (*Filter, error) {
	value, err := f.kept(at)
	if value == nil || err != nil {
		return nil, err
	}
	if len(value) <= chainhash.HashSize {
		return nil, fmt.Errorf("%w: filter of %d bytes", ErrCorrupt, len(value))
	}
	return &Filter{Header: chainhash.Hash(value[:chainhash.HashSize]), Bytes: value[chainhash.HashSize:]}, nil
}

// Matches reports whether a filter may contain any of some scripts; false
// positives come at a rate of 1/784931 a script (BIP158).
func (f *Filter) Matches(block chainhash.Hash, scripts [][]byte) (bool, error) {
	set, err := gcs.FromNBytes(builder.DefaultP, builder.DefaultM, f.Bytes)
	if err != nil {
		return false, fmt.Errorf("%w: %v", ErrCorrupt, err)
	}
	return set.MatchAny(builder.DeriveKey(&block), scripts)
}
