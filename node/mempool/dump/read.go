package dump

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// ErrVersion is a file of another kind, or of a later version.
var ErrVersion = errors.New("not a mempool file of a known version")

// ErrMalformed is a file that is cut off or damaged.
var ErrMalformed = errors.New("malformed mempool file")

// maxKept bounds the transactions that are told of beside those of the file: the txids
// of a mempool of the greatest size.
const maxKept = 1 << 20

// look is how many bytes of a transaction are looked at first: nearly all are smaller.
// Of all others, so many as any can have.
const (
	look   = 1 << 16
	widest = 2 * consensus.MaxBlockWeight
)

// Reader reads a file from its beginning.
type Reader struct {
	in    *bufio.Reader
	count uint64
	read  uint64
}

// NewReader reads what comes before the transactions.
func NewReader(from io.Reader) (*Reader, error) {
	plain := &unmasked{from: from}
	r := &Reader{in: bufio.NewReaderSize(plain, look)}
	// The key is for what follows it, which must not be read before it is known.
	var head [8 + 1 + keySize]byte
	if _, err := io.ReadFull(plain, head[:8]); err != nil {
		return nil, malformed(err)
	}
	switch binary.LittleEndian.Uint64(head[:]) {
	case plainVersion:
	case xorVersion:
		if _, err := io.ReadFull(plain, head[8:]); err != nil {
			return nil, malformed(err)
		}
		if head[8] != keySize {
			return nil, fmt.Errorf("%w: a key of %d bytes", ErrMalformed, head[8])
		}
		plain.key = [keySize]byte(head[9:])
	default:
		return nil, ErrVersion
	}
	var err error
	r.count, err = r.number()
	return r, err
}

// Count is how many transactions the file says to have.
func (r *Reader) Count() uint64 { return r.count }

// Next returns the next transaction, or io.EOF after the last one.
func (r *Reader) Next() (tx Tx, err error) {
	if r.read == r.count {
		return tx, io.EOF
	}
	r.read++
	if tx.Tx, err = r.tx(); err != nil {
		return tx, err
	}
	for _, field := range []*int64{&tx.Time, &tx.Delta} {
		n, err := r.number()
		if err != nil {
			return tx, err
		}
		*field = int64(n)
	}
	return tx, nil
}

// tx parses what a transaction can be of the bytes that follow.
func (r *Reader) tx() (*consensus.Tx, error) {
	for size := look; ; size = widest {
		raw, err := r.in.Peek(size)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		tx, rest, failed := consensus.TakeTx(raw)
		if failed == nil {
			_, err := r.in.Discard(len(raw) - len(rest)) // it is buffered
			return tx, err
		}
		if err != nil || size == widest {
			return nil, malformed(failed)
		}
		if r.in.Size() < widest {
			r.in = bufio.NewReaderSize(r.in, widest)
		}
	}
}

// Rest returns what follows the transactions.
func (r *Reader) Rest() (rest Rest, err error) {
	rest.Deltas = map[chainhash.Hash]int64{}
	err = r.each(func() error {
		txid, err := r.hash()
		if err != nil {
			return err
		}
		delta, err := r.number()
		rest.Deltas[txid] = int64(delta)
		return err
	})
	if err != nil {
		return rest, err
	}
	err = r.each(func() error {
		txid, err := r.hash()
		rest.Unheard = append(rest.Unheard, txid)
		return err
	})
	return rest, err
}

func (r *Reader) each(fn func() error) error {
	count, err := wire.ReadVarInt(r.in, 0)
	if err != nil {
		return malformed(err)
	}
	if count > maxKept {
		return fmt.Errorf("%w: %d transactions beside those of the file", ErrMalformed, count)
	}
	for range count {
		if err := fn(); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reader) hash() (h chainhash.Hash, err error) {
	_, err = io.ReadFull(r.in, h[:])
	return h, malformed(err)
}

func (r *Reader) number() (uint64, error) {
	var b [8]byte
	_, err := io.ReadFull(r.in, b[:])
	return binary.LittleEndian.Uint64(b[:]), malformed(err)
}

// malformed tells of what ends too early, or cannot be parsed, and leaves errors of
// the file alone.
func malformed(err error) error {
	var refused *consensus.Reject
	var unread *consensus.Malformed
	var wrong *wire.MessageError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &refused), errors.As(err, &unread), errors.As(err, &wrong):
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return err
}

// unmasked takes the obfuscation away.
type unmasked struct {
	from io.Reader
	key  [keySize]byte
	at   int
}

func (u *unmasked) Read(b []byte) (int, error) {
	n, err := u.from.Read(b)
	for i := range b[:n] {
		b[i] ^= u.key[u.at%keySize]
		u.at++
	}
	return n, err
}
