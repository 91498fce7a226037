package rpc

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math"
	"strconv"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// Call is one request to a command. Arguments are numbered from zero; their
// JSON types are already those of the Params.
type Call struct {
	User    string // who authenticated
	Wallet  string // from the request's path, if any
	File    uint64 // see Request
	command *Command
	args    []json.RawMessage
}

// NewCall makes a call for a test of a command's handler.
func NewCall(command *Command, params string) (*Call, error) {
	args, err := command.arguments([]byte(params))
	return &Call{command: command, args: args}, err
}

// Len returns the number of arguments up to the last one that was given.
func (c *Call) Len() int { return len(c.args) }

// Has reports whether argument i was given and is not null.
func (c *Call) Has(i int) bool { return i < len(c.args) && c.args[i] != nil }

// Raw returns the JSON of argument i, nil if it was not given.
func (c *Call) Raw(i int) json.RawMessage {
	if !c.Has(i) {
		return nil
	}
	return c.args[i]
}

func (c *Call) name(i int) string { return c.command.Params[i].names()[0] }

// Decode decodes argument i into v; it leaves v alone if i was not given.
func (c *Call) Decode(i int, v any) error {
	if !c.Has(i) {
		return nil
	}
	if err := json.Unmarshal(c.args[i], v); err != nil {
		return Errorf(TypeError, "Invalid %s: %v", c.name(i), err)
	}
	return nil
}

// Text returns string argument i, or fallback if it was not given.
func (c *Call) Text(i int, fallback string) (string, error) {
	if !c.Has(i) {
		return fallback, nil
	}
	if got := typeOf(c.args[i]); got != String {
		return "", wrongType(got, String)
	}
	var s string
	return s, c.Decode(i, &s)
}

// Bool returns boolean argument i, or fallback if it was not given.
func (c *Call) Bool(i int, fallback bool) (bool, error) {
	if !c.Has(i) {
		return fallback, nil
	}
	if got := typeOf(c.args[i]); got != Bool {
		return false, wrongType(got, Bool)
	}
	return string(bytes.TrimSpace(c.args[i])) == "true", nil
}

// Int returns integer argument i within 32 bits, or fallback if it was not
// given.
func (c *Call) Int(i int, fallback int) (int, error) {
	n, err := c.Int64(i, int64(fallback))
	if err == nil && (n < math.MinInt32 || n > math.MaxInt32) {
		err = Errorf(MiscError, "JSON integer out of range")
	}
	return int(n), err
}

// Int64 returns integer argument i, or fallback if it was not given.
func (c *Call) Int64(i int, fallback int64) (int64, error) {
	if !c.Has(i) {
		return fallback, nil
	}
	if got := typeOf(c.args[i]); got != Number {
		return 0, wrongType(got, Number)
	}
	n, err := strconv.ParseInt(string(bytes.TrimSpace(c.args[i])), 10, 64)
	if err != nil {
		return 0, Errorf(MiscError, "JSON integer out of range")
	}
	return n, nil
}

// Hash returns argument i as a hash given in reversed hex, as txids and block
// hashes are shown.
func (c *Call) Hash(i int) (chainhash.Hash, error) {
	text, err := c.Text(i, "")
	if err != nil {
		return chainhash.Hash{}, err
	}
	return ParseHash(text, c.name(i))
}

// ParseHash parses a reversed hex hash; name is what error texts call it.
func ParseHash(text, name string) (chainhash.Hash, error) {
	var hash chainhash.Hash
	if len(text) != 2*chainhash.HashSize {
		return hash, Errorf(InvalidParameter, "%s must be of length %d (not %d, for '%s')",
			name, 2*chainhash.HashSize, len(text), text)
	}
	if _, err := hex.DecodeString(text); err != nil {
		return hash, Errorf(InvalidParameter, "%s must be hexadecimal string (not '%s')", name, text)
	}
	err := chainhash.Decode(&hash, text)
	return hash, err
}

// Hex returns argument i as bytes.
func (c *Call) Hex(i int) ([]byte, error) {
	text, err := c.Text(i, "")
	if err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, Errorf(InvalidParameter, "%s must be hexadecimal string (not '%s')", c.name(i), text)
	}
	return raw, nil
}

// Amount returns argument i, a number or string of bitcoins, in satoshi.
func (c *Call) Amount(i int) (Amount, error) { return ParseAmount(c.Raw(i)) }

func wrongType(got, want Type) error {
	return Errorf(TypeError, "JSON value of type %s is not of expected type %s", got, want)
}

// marshal encodes a result without escaping for HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, Errorf(InternalError, "encoding the result: %v", err)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}
