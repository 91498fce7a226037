package coins

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/store"
)

// ReadSetHeader reads the header of a file with a UTXO set. It fails with a
// *SetError.
func ReadSetHeader(from io.Reader) (h SetHeader, err error) {
	var b [SetHeaderSize]byte
	version, rest := len(setMagic), len(setMagic)+2
	short := func(_ int, err error) bool { return err != nil }
	if short(io.ReadFull(from, b[:version])) || string(b[:version]) != setMagic {
		return h, &SetError{"Invalid UTXO set snapshot magic bytes. Please check if this is indeed a snapshot file or if you are using an outdated snapshot format."}
	}
	if short(io.ReadFull(from, b[version:rest])) {
		return h, &SetError{"end of file"}
	}
	if got := binary.LittleEndian.Uint16(b[version:]); got != setVersion {
		return h, &SetError{fmt.Sprintf("Version of snapshot %d does not match any of the supported versions.", got)}
	}
	if short(io.ReadFull(from, b[rest:])) {
		return h, &SetError{"end of file"}
	}
	h.Network = [4]byte(b[rest:])
	h.Block = chainhash.Hash(b[rest+4:])
	h.Coins = binary.LittleEndian.Uint64(b[rest+4+chainhash.HashSize:])
	return h, nil
}

// ReadSet fills an empty store with the coins that follow a header in a file,
// none of which may be of a block above height. It fails with a *SetError if
// they are not as they should be. Whether they are the right ones is told by
// their hash. check is called now and then with the number of coins so far, and
// ends the reading by failing.
func ReadSet(to Store, h SetHeader, height int32, from *bufio.Reader, check func(read uint64) error) error {
	r := setReader{from: from, header: h, height: height, check: check}
	if err := to.Write(r.readAll); err != nil {
		return err
	}
	if _, err := from.ReadByte(); err == nil {
		return &SetError{fmt.Sprintf("Bad snapshot - coins left over after deserializing %d coins", h.Coins)}
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	// The marker says that the coins are there.
	if err := to.Sync(); err != nil {
		return err
	}
	if err := to.Write(func(w store.Writer) error { return w.Put(keyBest, h.Block[:]) }); err != nil {
		return err
	}
	return to.Sync()
}

type setReader struct {
	from   *bufio.Reader
	header SetHeader
	height int32
	check  func(uint64) error
	to     store.Writer
	read   uint64
}

// errEncoding is what cannot be decoded. That the file cannot be read is told
// by other errors.
var errEncoding = errors.New("coins: malformed file with a UTXO set")

func (r *setReader) readAll(w store.Writer) error {
	r.to = w
	for r.read < r.header.Coins {
		err := r.transaction()
		if errors.Is(err, errEncoding) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return &SetError{fmt.Sprintf("Bad snapshot format or truncated snapshot after deserializing %d coins", r.read)}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *setReader) transaction() error {
	var op wire.OutPoint
	if _, err := io.ReadFull(r.from, op.Hash[:]); err != nil {
		return err
	}
	count, err := r.compactSize()
	if err != nil {
		return err
	}
	if count > r.header.Coins-r.read {
		return &SetError{"Mismatch in coins count in snapshot metadata and actual snapshot data"}
	}
	for range count {
		if err := r.coin(op); err != nil {
			return err
		}
		if r.read++; r.read%checkEvery == 0 {
			if err := r.check(r.read); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *setReader) coin(op wire.OutPoint) error {
	index, err := r.compactSize()
	if err != nil {
		return err
	}
	code, err := r.varInt(math.MaxUint32)
	if err != nil {
		return err
	}
	amount, err := r.varInt(math.MaxUint64)
	if err != nil {
		return err
	}
	var c Coin
	if c.Script, err = r.script(); err != nil {
		return err
	}
	bad := fmt.Sprintf("Bad snapshot data after deserializing %d coins", r.read)
	if err := c.setCode(code); err != nil || c.Height > r.height {
		return &SetError{bad}
	}
	value, err := decompressAmount(amount)
	if err != nil {
		return &SetError{bad + " - bad tx out value"}
	}
	c.Value = int64(value)
	op.Index = uint32(index)
	return r.to.Put(appendKey(make([]byte, 0, 38), op), appendCoin(make([]byte, 0, len(c.Script)+16), &c))
}

// script reads a compressed script. One that is too long to be executed is
// skipped and becomes one that cannot be spent.
func (r *setReader) script() ([]byte, error) {
	form, err := r.varInt(math.MaxUint32)
	if err != nil {
		return nil, err
	}
	length := scriptSize(form)
	if length > txscript.MaxScriptSize {
		_, err := io.CopyN(io.Discard, r.from, int64(length))
		return []byte{txscript.OP_RETURN}, err
	}
	data := make([]byte, length)
	if _, err := io.ReadFull(r.from, data); err != nil {
		return nil, err
	}
	script, err := unpackScript(form, data)
	if err != nil {
		return nil, errEncoding
	}
	return script, nil
}

// maxCount bounds the counts and numbers in a file.
const maxCount = 32 << 20

func (r *setReader) compactSize() (uint64, error) {
	n, err := wire.ReadVarInt(r.from, 0)
	var malformed *wire.MessageError
	if errors.As(err, &malformed) || err == nil && n > maxCount {
		return 0, errEncoding
	}
	return n, err
}

func (r *setReader) varInt(limit uint64) (uint64, error) {
	var b []byte
	for {
		c, err := r.from.ReadByte()
		if err != nil {
			return 0, err
		}
		if b = append(b, c); c&0x80 == 0 {
			break
		}
		if len(b) > 10 {
			return 0, errEncoding
		}
	}
	n, _, err := varInt(b)
	if err != nil || n > limit {
		return 0, errEncoding
	}
	return n, nil
}
