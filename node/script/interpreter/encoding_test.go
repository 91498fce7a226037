package interpreter

import (
	"bytes"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/stretchr/testify/require"
)

// der puts a signature together; lengths are those that are told.
func der(sequence []byte, rLength, r, sLength, s []byte) []byte {
	return bytes.Join([][]byte{{0x30}, sequence, {2}, rLength, r, {2}, sLength, s}, nil)
}

// What Bitcoin Core's lax parser makes of encodings, found by running it.
func TestLaxDER(t *testing.T) {
	r, s := bytes.Repeat([]byte{0x11}, 32), bytes.Repeat([]byte{0x22}, 32)
	one, n := []byte{32}, order[:]
	padded := append([]byte{0, 0, 0}, r...)
	for name, c := range map[string]struct {
		der  []byte
		ok   bool
		want ecdsaSig
	}{
		"strict":                       {der([]byte{68}, one, r, one, s), true, ecdsaSig{[32]byte(r), [32]byte(s)}},
		"wrong length of the sequence": {der([]byte{3}, one, r, one, s), true, ecdsaSig{[32]byte(r), [32]byte(s)}},
		"long length of the sequence":  {der([]byte{0x82, 0xff, 0xff}, one, r, one, s), true, ecdsaSig{[32]byte(r), [32]byte(s)}},
		"length beyond the end":        {[]byte{0x30, 0x85, 1}, false, ecdsaSig{}},
		"long length of an integer":    {der([]byte{68}, []byte{0x84, 0, 0, 0, 32}, r, one, s), true, ecdsaSig{[32]byte(r), [32]byte(s)}},
		"length of four bytes":         {der([]byte{68}, []byte{0x84, 1, 0, 0, 32}, r, one, s), false, ecdsaSig{}},
		"padding":                      {der([]byte{71}, []byte{35}, padded, one, s), true, ecdsaSig{[32]byte(r), [32]byte(s)}},
		"something after it":           {append(der([]byte{68}, one, r, one, s), 1, 2, 3), true, ecdsaSig{[32]byte(r), [32]byte(s)}},
		"nothing as an integer":        {der([]byte{36}, []byte{0}, nil, one, s), true, ecdsaSig{s: [32]byte(s)}},
		"an integer that is too long":  {der([]byte{69}, []byte{33}, append([]byte{1}, r...), one, s), true, ecdsaSig{}},
		"the order":                    {der([]byte{68}, one, r, one, n), true, ecdsaSig{}},
		"the end is missing":           {der([]byte{68}, one, r, one, s[:31]), false, ecdsaSig{}},
		"no second integer":            {der([]byte{68}, one, r, nil, nil)[:36], false, ecdsaSig{}},
		"another tag":                  {der([]byte{68}, one, r, one, s)[1:], false, ecdsaSig{}},
		"empty":                        {nil, false, ecdsaSig{}},
	} {
		got, ok := parseLaxDER(c.der)
		require.Equal(t, c.ok, ok, name)
		require.Equal(t, c.want, got, name)
	}
}

func TestNormalise(t *testing.T) {
	require.False(t, (&ecdsaSig{}).normalise())
	require.False(t, (&ecdsaSig{r: [32]byte{1}}).normalise())
	require.False(t, (&ecdsaSig{s: [32]byte{1}}).normalise())
	low := ecdsaSig{r: [32]byte{1}, s: halfOrder}
	require.True(t, low.normalise())
	require.Equal(t, halfOrder, low.s)
	high := ecdsaSig{r: [32]byte{1}, s: halfOrder}
	high.s[31]++
	require.True(t, high.normalise())
	require.Equal(t, halfOrder, high.s)
	high.s = order
	high.s[31]--
	require.True(t, high.normalise())
	require.Equal(t, [32]byte{31: 1}, high.s)
	require.Equal(t, []byte{0x30, 37, 2, 32}, high.appendDER(nil)[:4])
	require.True(t, isStrictDER(append(high.appendDER(nil), 1)))
}

// Keys with a parity beside y are valid where no rule wants strict encodings, if
// the parity is right.
func TestHybridKeys(t *testing.T) {
	for how, valid := range map[byte]bool{1: true, 2: true, 3: false, 4: true} {
		script := append(pushes(encodeKey(testKey(1), how)), txscript.OP_CHECKSIG)
		s := oneSpend(t, bare, consensusFlags, script)
		sig := bare.sign(t, s, 0, script, testKey(1), txscript.SigHashAll)
		s.tx.TxIn[0].SignatureScript = pushes(sig)
		require.Equal(t, valid, s.verifyOne(0) == nil, "encoding %d", how)
		s.requireSame(t, 0)
		s.flags |= txscript.ScriptVerifyStrictEncoding
		if how == 2 || how == 3 {
			requireReason(t, errPubKeyType, s.verifyOne(0), "strict")
		}
	}
}

// An s in the upper half is another form of the same signature, until a rule
// forbids it.
func TestHighS(t *testing.T) {
	script := checkSigScript(bare, 1)
	s := oneSpend(t, bare, consensusFlags, script)
	sig := bare.sign(t, s, 0, script, testKey(1), txscript.SigHashAll)
	s.tx.TxIn[0].SignatureScript = pushes(highS(sig))
	require.NotEqual(t, sig, highS(sig))
	require.NoError(t, s.verifyOne(0))
	s.requireSame(t, 0)
	s.flags |= txscript.ScriptVerifyLowS
	requireReason(t, errSigHighS, s.verifyOne(0), "")
	s.requireSame(t, 0)
}

func TestFindAndDelete(t *testing.T) {
	for _, c := range []struct{ script, data, rest []byte }{
		{[]byte{1, 7, 1, 7, 0x51}, []byte{7}, []byte{0x51}},
		{[]byte{0x51, 1, 7}, []byte{7}, []byte{0x51}},
		{[]byte{2, 1, 7, 1, 7}, []byte{7}, []byte{2, 1, 7}},             // not where an instruction begins
		{[]byte{0x4c, 1, 7}, []byte{7}, []byte{0x4c, 1, 7}},             // pushed in another form
		{[]byte{0, 0x51, 0, 0}, nil, []byte{0x51}},                      // an empty signature is OP_0
		{[]byte{1, 7, 0x51, 5, 1, 7}, []byte{7}, []byte{0x51, 5, 1, 7}}, // the end cannot be read
		{[]byte{1, 7}, []byte{8}, []byte{1, 7}},
		{nil, []byte{8}, nil},
	} {
		rest, found := findAndDelete(c.script, c.data)
		require.Equal(t, c.rest, rest, "%x without %x", c.script, c.data)
		require.Equal(t, len(c.rest) < len(c.script), found)
	}
	long := bytes.Repeat([]byte{9}, 300)
	rest, found := findAndDelete(appendPush([]byte{0x51}, long), long)
	require.True(t, found)
	require.Equal(t, []byte{0x51}, rest)
}

func TestNumbers(t *testing.T) {
	for n, encoded := range map[int64][]byte{
		0: nil, 1: {1}, -1: {0x81}, 127: {0x7f}, -127: {0xff}, 128: {0x80, 0}, -128: {0x80, 0x80}, 255: {0xff, 0}, 256: {0, 1},
		-32768: {0, 0x80, 0x80}, 1<<31 - 1: {0xff, 0xff, 0xff, 0x7f}, -1<<31 + 1: {0xff, 0xff, 0xff, 0xff},
		1 << 31: {0, 0, 0, 0x80, 0}, -1 << 32: {0, 0, 0, 0, 0x81},
	} {
		require.Equal(t, encoded, appendNumber(nil, n))
		require.True(t, isMinimalNumber(encoded))
		got, err := number(encoded, true, lockTimeSize)
		require.Nil(t, err)
		require.Equal(t, n, got)
		require.Equal(t, n != 0, isTrue(encoded))
		_, err = number(encoded, false, numberSize)
		require.Equal(t, len(encoded) > numberSize, err != nil)
	}
	for _, strange := range [][]byte{{0}, {0x80}, {1, 0}, {1, 0x80}, {0, 0, 0}} {
		_, err := number(strange, true, numberSize)
		require.Equal(t, errScriptNum, err)
		_, err = number(strange, false, numberSize)
		require.Nil(t, err)
	}
	require.False(t, isTrue([]byte{0, 0x80}), "negative zero")
	require.True(t, isTrue([]byte{0x80, 0}))
}
