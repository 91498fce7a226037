package poolfile

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool/dump"
)

// The journal is a sequence of records: length (4 bytes, of what follows the checksum),
// CRC-32C of that (4 bytes), a byte that says what it is, and its content. All numbers
// are little-endian.
const (
	recordHead = 8
	recordAdd  = 'A' // time and delta (8 bytes each), a transaction with its witnesses
	recordDrop = 'D' // a txid
	recordAll  = 'L' // what a node before this one had is in the journal
	// recordUnheard is the txid of one that no peer has asked for.
	recordUnheard = 'U'
	// recordDelta is a txid and what its fee counts more from now on (8 bytes), for a
	// transaction that need not be there.
	recordDelta = 'P'
	// maxRecord bounds a record: a transaction of the greatest size.
	maxRecord = 1 + 16 + consensus.MaxBlockWeight
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendRecord(to []byte, kind byte, parts ...[]byte) []byte {
	content := append([]byte{kind}, bytes.Join(parts, nil)...)
	to = binary.LittleEndian.AppendUint32(to, uint32(len(content)))
	to = binary.LittleEndian.AppendUint32(to, crc32.Checksum(content, castagnoli))
	return append(to, content...)
}

func appendTx(to []byte, tx dump.Tx) []byte {
	numbers := binary.LittleEndian.AppendUint64(nil, uint64(tx.Time))
	return appendRecord(to, recordAdd, binary.LittleEndian.AppendUint64(numbers, uint64(tx.Delta)), tx.Raw())
}

// journalled is what a journal says.
type journalled struct {
	txs      []dump.Tx // without those that left, parents first
	unheard  []chainhash.Hash
	deltas   map[chainhash.Hash]int64
	complete bool // there is nothing in mempool.dat that is not here
}

var errRecord = errors.New("damaged record")

// readJournal reads records until the first that is damaged or cut off, as the last one
// is that was being written when a machine lost its power.
func readJournal(from io.Reader) (j journalled, damage error) {
	at := map[chainhash.Hash]int{}
	j.deltas = map[chainhash.Hash]int64{}
	in := bufio.NewReaderSize(from, 1<<20)
	for {
		kind, content, err := readRecord(in)
		if err == nil {
			err = j.take(at, kind, content)
		}
		if err != nil {
			j.compact(at)
			if err == io.EOF {
				err = nil
			}
			return j, err
		}
	}
}

func readRecord(in io.Reader) (kind byte, content []byte, err error) {
	var head [recordHead]byte
	switch _, err := io.ReadFull(in, head[:]); {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return 0, nil, fmt.Errorf("%w: %w", errRecord, io.ErrUnexpectedEOF)
	case err != nil:
		return 0, nil, err // io.EOF between two records
	}
	length := binary.LittleEndian.Uint32(head[:])
	if length == 0 || length > maxRecord {
		return 0, nil, fmt.Errorf("%w: of %d bytes", errRecord, length)
	}
	content = make([]byte, length)
	if _, err := io.ReadFull(in, content); err != nil {
		return 0, nil, fmt.Errorf("%w: %w", errRecord, io.ErrUnexpectedEOF)
	}
	if crc32.Checksum(content, castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
		return 0, nil, fmt.Errorf("%w: the checksum is another", errRecord)
	}
	return content[0], content[1:], nil
}

func (j *journalled) take(at map[chainhash.Hash]int, kind byte, content []byte) error {
	switch {
	case kind == recordAdd && len(content) > 16:
		tx, err := consensus.ParseTx(content[16:])
		if err != nil {
			return fmt.Errorf("%w: %w", errRecord, err)
		}
		if i, there := at[tx.ID]; there {
			j.txs[i].Tx = nil
		}
		at[tx.ID] = len(j.txs)
		j.txs = append(j.txs, dump.Tx{Tx: tx, Time: int64(binary.LittleEndian.Uint64(content))})
		j.prioritise(tx.ID, content[8:16])
	case kind == recordDrop && len(content) == chainhash.HashSize:
		if i, there := at[chainhash.Hash(content)]; there {
			j.txs[i].Tx = nil
			delete(at, chainhash.Hash(content))
		}
	case kind == recordUnheard && len(content) == chainhash.HashSize:
		j.unheard = append(j.unheard, chainhash.Hash(content)) // it may come before its transaction
	case kind == recordDelta && len(content) == chainhash.HashSize+8:
		j.prioritise(chainhash.Hash(content[:chainhash.HashSize]), content[chainhash.HashSize:])
	case kind == recordAll && len(content) == 0:
		j.complete = true
	default:
		return fmt.Errorf("%w: of kind %d with %d bytes", errRecord, kind, len(content))
	}
	return nil
}

func (j *journalled) prioritise(txid chainhash.Hash, delta []byte) {
	if n := int64(binary.LittleEndian.Uint64(delta)); n != 0 {
		j.deltas[txid] = n
	} else {
		delete(j.deltas, txid)
	}
}

// compact leaves out what has left, and puts parents first: one that was in a block may
// have come back after its children.
func (j *journalled) compact(at map[chainhash.Hash]int) {
	ordered := make([]dump.Tx, 0, len(at))
	begun := make([]bool, len(j.txs))
	var stack []int
	for i := range j.txs {
		stack = append(stack, i)
		for len(stack) > 0 {
			top := stack[len(stack)-1]
			tx := j.txs[top]
			if tx.Tx == nil || begun[top] {
				stack = stack[:len(stack)-1]
				if tx.Tx != nil {
					tx.Delta = j.deltas[tx.ID]
					ordered = append(ordered, tx)
					j.txs[top].Tx = nil
				}
				continue
			}
			begun[top] = true
			for _, in := range tx.TxIn {
				if parent, there := at[in.PreviousOutPoint.Hash]; there && !begun[parent] {
					stack = append(stack, parent)
				}
			}
		}
	}
	j.txs = ordered
	j.unheard = slices.DeleteFunc(j.unheard, func(txid chainhash.Hash) bool { _, there := at[txid]; return !there })
}

// journal is the file that is being written.
type journal struct {
	path string
	file *os.File
	size int64 // bytes written
	live int64 // bytes of what was there when it was last made anew
}

func (j *journal) read() (journalled, error) {
	file, err := os.Open(j.path)
	if errors.Is(err, fs.ErrNotExist) {
		return journalled{}, nil
	}
	if err != nil {
		return journalled{}, err
	}
	defer file.Close()
	return readJournal(file)
}

// renew replaces the file by one with these transactions.
func (j *journal) renew(txs []dump.Tx, complete bool) error {
	if j.path == "" {
		return nil
	}
	file, err := os.OpenFile(j.path+unfinished, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	fresh := journal{path: j.path, file: file}
	var raw []byte
	if complete {
		raw = appendRecord(raw, recordAll)
	}
	for _, tx := range txs {
		if raw = appendTx(raw, tx); len(raw) > 1<<20 {
			err = errors.Join(err, fresh.append(raw))
			raw = raw[:0]
		}
	}
	err = errors.Join(err, fresh.append(raw))
	if err == nil {
		err = os.Rename(j.path+unfinished, j.path)
	}
	if err != nil {
		return errors.Join(err, file.Close(), os.Remove(j.path+unfinished))
	}
	err = j.close()
	fresh.live = fresh.size
	*j = fresh
	return err
}

func (j *journal) append(raw []byte) error {
	if j.file == nil || len(raw) == 0 {
		return nil
	}
	n, err := j.file.Write(raw)
	j.size += int64(n)
	return err
}

// bulky reports whether most of the file is about what has left.
func (j *journal) bulky() bool { return j.size > 2*j.live+journalSlack }

const journalSlack = 16 << 20

func (j *journal) close() error {
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	return err
}

// remove is for a journal that is not written any more: an old one would be taken for
// what there is.
func (j *journal) remove() error {
	if j.path == "" {
		return nil
	}
	err := errors.Join(j.close(), os.Remove(j.path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
