package coins

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/coins/muhash"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// HashType chooses what Stats.Hash is.
type HashType string

// The hashes that gettxoutsetinfo knows.
const (
	HashSerialized3 HashType = "hash_serialized_3"
	HashMuHash      HashType = "muhash"
	HashNone        HashType = "none"
)

// Stats describes the whole set.
type Stats struct {
	Outputs      int64
	Transactions int64 // with at least one unspent output
	Amount       int64 // satoshi
	BogoSize     int64 // a measure that does not depend on the database
	DiskSize     int64 // bytes of keys and values in the store
	Hash         chainhash.Hash
}

// bogoOverhead is what Bitcoin Core counts for an output besides its script:
// txid, number, height, amount and script length.
const bogoOverhead = 32 + 4 + 4 + 8 + 2

// BogoSize returns what an output with a script adds to Stats.BogoSize.
func BogoSize(script []byte) int64 { return bogoOverhead + int64(len(script)) }

// ReadStats walks a snapshot. check is called now and then and ends the walk
// by failing.
func ReadStats(from *store.Snapshot, hashType HashType, check func() error) (Stats, error) {
	if err := from.Examine(); err != nil {
		return Stats{}, err
	}
	r := statsReader{hasher: newSetHasher(hashType)}
	n := 0
	err := EachCoin(from, func(op wire.OutPoint, coin Coin, size int) error {
		if n++; n%4096 == 0 {
			if err := check(); err != nil {
				return err
			}
		}
		r.stats.DiskSize += int64(size)
		return r.add(op, coin)
	})
	r.endTransaction()
	r.stats.Hash = r.hasher.sum()
	return r.stats, err
}

// EachCoin calls fn for all coins of a snapshot, ordered by txid in internal
// byte order. size is the bytes that the store keeps.
func EachCoin(from *store.Snapshot, fn func(op wire.OutPoint, coin Coin, size int) error) error {
	return from.Each(coinPrefix, func(key, value []byte) error {
		op, err := parseKey(key)
		if err != nil {
			return err
		}
		coin, err := parseCoin(value)
		if err != nil {
			return err
		}
		return fn(op, coin, len(key)+len(value))
	})
}

// SnapshotBest returns the block to whose end a snapshot belongs.
func SnapshotBest(from *store.Snapshot) (chainhash.Hash, error) {
	raw, err := from.Get(keyBest)
	if err == nil && len(raw) != chainhash.HashSize {
		err = ErrCorrupt
	}
	if err != nil {
		return chainhash.Hash{}, err
	}
	return chainhash.Hash(raw), nil
}

type numbered struct {
	index uint32
	coin  Coin
}

// statsReader gathers the outputs of one transaction, because the hash wants
// them ordered by number and keys are not.
type statsReader struct {
	stats  Stats
	hasher setHasher
	txid   chainhash.Hash
	group  []numbered
}

func (r *statsReader) add(op wire.OutPoint, coin Coin) error {
	if len(r.group) > 0 && op.Hash != r.txid {
		r.endTransaction()
	}
	r.txid = op.Hash
	r.group = append(r.group, numbered{op.Index, coin})
	return nil
}

func (r *statsReader) endTransaction() {
	if len(r.group) == 0 {
		return
	}
	slices.SortFunc(r.group, func(a, b numbered) int { return int(int64(a.index) - int64(b.index)) })
	r.stats.Transactions++
	for i := range r.group {
		c := &r.group[i].coin
		r.stats.Outputs++
		r.stats.Amount += c.Value
		r.stats.BogoSize += BogoSize(c.Script)
		r.hasher.insert(wire.OutPoint{Hash: r.txid, Index: r.group[i].index}, c)
	}
	r.group = r.group[:0]
}

type setHasher interface {
	insert(wire.OutPoint, *Coin)
	sum() chainhash.Hash
}

func newSetHasher(hashType HashType) setHasher {
	switch hashType {
	case HashSerialized3:
		return &serializedHasher{h: sha256.New()}
	case HashMuHash:
		return &muHasher{set: muhash.New()}
	}
	return noHasher{}
}

type noHasher struct{}

func (noHasher) insert(wire.OutPoint, *Coin) {}
func (noHasher) sum() chainhash.Hash         { return chainhash.Hash{} }

type serializedHasher struct {
	h   hash.Hash
	buf []byte
}

func (s *serializedHasher) insert(op wire.OutPoint, c *Coin) {
	s.buf = AppendForHash(s.buf[:0], op, c)
	s.h.Write(s.buf)
}

func (s *serializedHasher) sum() chainhash.Hash { return sha256.Sum256(s.h.Sum(nil)) }

type muHasher struct {
	set *muhash.Set
	buf []byte
}

func (m *muHasher) insert(op wire.OutPoint, c *Coin) {
	m.buf = AppendForHash(m.buf[:0], op, c)
	m.set.Insert(m.buf)
}

func (m *muHasher) sum() chainhash.Hash { return m.set.Sum() }

// AppendForHash appends a coin as HashSerialized3 and HashMuHash see it.
func AppendForHash(b []byte, op wire.OutPoint, c *Coin) []byte {
	b = append(b, op.Hash[:]...)
	b = binary.LittleEndian.AppendUint32(b, op.Index)
	b = binary.LittleEndian.AppendUint32(b, uint32(c.code()))
	b = binary.LittleEndian.AppendUint64(b, uint64(c.Value))
	b = appendCompactSize(b, uint64(len(c.Script)))
	return append(b, c.Script...)
}
