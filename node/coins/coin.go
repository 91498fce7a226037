package coins

import (
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// Kind is the stable name of a sort of failure.
type Kind string

func (k Kind) Error() string { return string(k) }

// The kinds of failure.
const (
	// ErrCorrupt means that stored bytes are not what was written.
	ErrCorrupt Kind = "coins: corrupt data"
	// ErrMissing means that a coin to be spent is not there.
	ErrMissing Kind = "coins: no such coin"
)

// MissingError names the coin that is not there.
type MissingError struct{ OutPoint wire.OutPoint }

func (e *MissingError) Error() string { return fmt.Sprintf("%s: %v", ErrMissing, e.OutPoint) }

// Unwrap makes errors.Is find ErrMissing.
func (e *MissingError) Unwrap() error { return ErrMissing }

// Coin is an unspent output. Its script must not be changed.
type Coin struct {
	Value    int64 // satoshi
	Script   []byte
	Height   int32 // of the block that created it
	Coinbase bool
}

func (c *Coin) code() uint64 {
	code := uint64(uint32(c.Height)) << 1
	if c.Coinbase {
		code |= 1
	}
	return code
}

func (c *Coin) setCode(code uint64) error {
	if code>>1 > 1<<31-1 {
		return ErrCorrupt
	}
	c.Height, c.Coinbase = int32(code>>1), code&1 != 0
	return nil
}

// appendCoin appends the form in which the store keeps a coin.
func appendCoin(dst []byte, c *Coin) []byte {
	return appendOutput(appendVarInt(dst, c.code()), c, false)
}

func parseCoin(b []byte) (c Coin, err error) {
	code, b, err := varInt(b)
	if err != nil {
		return c, err
	}
	if err := c.setCode(code); err != nil {
		return c, err
	}
	b, err = parseOutput(b, &c)
	if err == nil && len(b) > 0 {
		err = ErrCorrupt
	}
	return c, err
}

// Bitcoin Core's numbers of scripts with a special form; the other numbers are
// the length of the script plus specialScripts.
const (
	scriptKeyHash    = 0
	scriptScriptHash = 1
	scriptKeyEven    = 2
	scriptKeyOdd     = 3
	scriptFullEven   = 4
	scriptFullOdd    = 5
	specialScripts   = 6
)

// appendOutput appends amount and script; with full, uncompressed public keys
// are compressed too.
func appendOutput(dst []byte, c *Coin, full bool) []byte {
	dst = appendVarInt(dst, compressAmount(uint64(c.Value)))
	s := c.Script
	switch {
	case txscript.IsPayToPubKeyHash(s):
		return append(append(dst, scriptKeyHash), s[3:23]...)
	case txscript.IsPayToScriptHash(s):
		return append(append(dst, scriptScriptHash), s[2:22]...)
	case len(s) == 35 && s[0] == 33 && s[34] == txscript.OP_CHECKSIG && (s[1] == scriptKeyEven || s[1] == scriptKeyOdd):
		return append(append(dst, s[1]), s[2:34]...)
	case full && len(s) == 67 && s[0] == 65 && s[66] == txscript.OP_CHECKSIG && s[1] == 4 && onCurve(s[1:66]):
		return append(append(dst, scriptFullEven|s[65]&1), s[2:34]...)
	}
	return append(appendVarInt(dst, uint64(len(s)+specialScripts)), s...)
}

func onCurve(key []byte) bool {
	_, err := btcec.ParsePubKey(key)
	return err == nil
}

// parseOutput reads amount and script and returns what follows. The script
// is a copy.
func parseOutput(b []byte, c *Coin) ([]byte, error) {
	amount, b, err := varInt(b)
	if err != nil {
		return nil, err
	}
	value, err := decompressAmount(amount)
	if err != nil {
		return nil, err
	}
	c.Value = int64(value)
	form, b, err := varInt(b)
	if err != nil {
		return nil, err
	}
	length := scriptSize(form)
	if length > uint64(len(b)) {
		return nil, ErrCorrupt
	}
	c.Script, err = unpackScript(form, b[:length])
	return b[length:], err
}

// scriptSize returns the bytes that follow the number of a script's form.
func scriptSize(form uint64) uint64 {
	switch {
	case form >= specialScripts:
		return form - specialScripts
	case form >= scriptKeyEven:
		return 32
	}
	return 20
}

func unpackScript(form uint64, data []byte) ([]byte, error) {
	switch form {
	case scriptKeyHash:
		s := append(make([]byte, 0, 25), txscript.OP_DUP, txscript.OP_HASH160, 20)
		return append(append(s, data...), txscript.OP_EQUALVERIFY, txscript.OP_CHECKSIG), nil
	case scriptScriptHash:
		s := append(make([]byte, 0, 23), txscript.OP_HASH160, 20)
		return append(append(s, data...), txscript.OP_EQUAL), nil
	case scriptKeyEven, scriptKeyOdd:
		s := append(make([]byte, 0, 35), 33, byte(form))
		return append(append(s, data...), txscript.OP_CHECKSIG), nil
	case scriptFullEven, scriptFullOdd:
		key, err := btcec.ParsePubKey(append([]byte{byte(form - 2)}, data...))
		if err != nil {
			return nil, ErrCorrupt
		}
		s := append(make([]byte, 0, 67), 65)
		return append(append(s, key.SerializeUncompressed()...), txscript.OP_CHECKSIG), nil
	}
	return append([]byte{}, data...), nil
}
