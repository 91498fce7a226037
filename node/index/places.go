package index

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// Salt keeps others from finding names whose short hashes are alike.
type Salt [16]byte

// loadSalt returns the database's salt, which is fresh if it has none.
func loadSalt(db Store, fresh Salt) (Salt, error) {
	raw, err := db.Get([]byte{keySalt})
	switch {
	case err != nil:
		return Salt{}, err
	case raw == nil:
		return fresh, db.Write(func(w store.Writer) error { return w.Put([]byte{keySalt}, slices.Clone(fresh[:])) })
	case len(raw) != len(fresh):
		return Salt{}, fmt.Errorf("%w: salt of %d bytes", ErrCorrupt, len(raw))
	}
	return Salt(raw), nil
}

const (
	shortSize  = 8 // of the salted hash of what leads to a place
	tagSize    = 2 // of the block's hash, its random end
	prefixSize = 1 + shortSize
	placeSize  = prefixSize + 4 + tagSize + 4
)

// place is where a transaction is. It is a key without a value: keyPlace, the
// salted hash, height, tag, offset.
type place struct {
	height int32
	tag    [tagSize]byte
	offset uint32 // bytes into the block's serialisation
}

// prefix returns what the keys of a name's places begin with.
func (s *Salt) prefix(name []byte) []byte {
	sum := sha256.Sum256(slices.Concat(s[:], name))
	return append([]byte{keyPlace}, sum[:shortSize]...)
}

func (s *Salt) key(name []byte, at *chain.BlockNode, offset int) []byte {
	key := append(make([]byte, 0, placeSize), s.prefix(name)...)
	key = binary.BigEndian.AppendUint32(key, uint32(at.Height))
	key = append(key, at.Hash[:tagSize]...)
	return binary.BigEndian.AppendUint32(key, uint32(offset))
}

func parsePlace(key []byte) (p place, err error) {
	if len(key) != placeSize {
		return p, fmt.Errorf("%w: place of %d bytes", ErrCorrupt, len(key))
	}
	rest := key[prefixSize:]
	p.height = int32(binary.BigEndian.Uint32(rest) & (1<<31 - 1))
	p.tag = [tagSize]byte(rest[4:])
	p.offset = binary.BigEndian.Uint32(rest[4+tagSize:])
	return p, nil
}

// holds reports whether the place can be in a block.
func (p *place) holds(at *chain.BlockNode) bool { return [tagSize]byte(at.Hash[:tagSize]) == p.tag }

// eachTx calls fn with all transactions of a block and where they begin in its
// serialisation.
func eachTx(b *consensus.Block, fn func(i int, tx *consensus.Tx, offset int) error) error {
	offset := wire.MaxBlockHeaderPayload + wire.VarIntSerializeSize(uint64(len(b.Txs)))
	for i, tx := range b.Txs {
		if err := fn(i, tx, offset); err != nil {
			return err
		}
		offset += tx.Size
	}
	return nil
}

// Found is a transaction in a block.
type Found struct {
	Block *chain.BlockNode
	Tx    *consensus.Tx
}

// finder looks for a transaction among the places of a name.
type finder struct {
	*Index
	fits func(*consensus.Tx) bool
}

// find returns the transaction in the chain up to the index's position, or
// else, if stale, in a block that has left it; nil if there is none.
func (f finder) find(prefix []byte, stale bool) (*Found, error) {
	var places []place
	err := f.db.Each(prefix, func(key, _ []byte) error {
		p, err := parsePlace(key)
		places = append(places, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	tip := f.at.Load()
	for _, p := range places {
		at := tip.Ancestor(p.height)
		if at == nil {
			continue
		}
		if found, err := f.read(at, p); found != nil || err != nil {
			return found, err
		}
	}
	if !stale {
		return nil, nil
	}
	for _, p := range places {
		if found, err := f.findStale(p); found != nil || err != nil {
			return found, err
		}
	}
	return nil, nil
}

// findStale looks into all blocks of a height that the index ever contained.
func (f finder) findStale(p place) (found *Found, err error) {
	var blocks []*chain.BlockNode
	err = f.db.Each(blockKey(p.height, nil), func(key, _ []byte) error {
		_, hash, err := splitBlockKey(key[1:])
		if at := f.chain.Lookup(hash); at != nil {
			blocks = append(blocks, at)
		}
		return err
	})
	for _, at := range blocks {
		if found != nil || err != nil {
			break
		}
		found, err = f.read(at, p)
	}
	return found, err
}

// read returns the transaction at a place if it is the one that is looked for.
func (f finder) read(at *chain.BlockNode, p place) (*Found, error) {
	if !p.holds(at) {
		return nil, nil
	}
	raw, err := f.chain.ReadRaw(at)
	if errors.Is(err, chain.ErrNoBlock) {
		return nil, nil
	}
	if err != nil || int64(p.offset) >= int64(len(raw)) {
		return nil, err
	}
	var msg wire.MsgTx
	if msg.Deserialize(bytes.NewReader(raw[p.offset:])) != nil {
		return nil, nil // another block's place
	}
	if tx := consensus.NewTx(&msg); f.fits(tx) {
		return &Found{Block: at, Tx: tx}, nil
	}
	return nil, nil
}
