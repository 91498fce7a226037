package miniscript

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/btcsuite/btcd/txscript/v2"
)

// maxScript is how long a witness script may be, for the mempool.
const maxScript = 3600

// maxLock is the largest number of a time lock.
const maxLock = 0x7fffffff

// FromScript writes out the miniscript that a witness script is; "" if it is none.
func FromScript(script []byte) string {
	if len(script) > maxScript {
		return ""
	}
	list, ok := tokens(script)
	if !ok {
		return ""
	}
	d := decoder{rest: list, keys: map[string]bool{}}
	top := d.sequence()
	if top == nil || len(d.rest) > 0 || d.twice || !sane(top, script) {
		return ""
	}
	var b strings.Builder
	top.write(&b, false)
	return b.String()
}

// Limits of what a satisfaction takes: opcodes of consensus, and elements of a witness,
// besides the script, of policy.
const maxOps, maxElements = 201, 100

// sane reports whether a script can be used: with signatures alone, in a way that others
// cannot change, within the limits, and without time locks of which one excludes another.
func sane(top *node, script []byte) bool {
	ops := 0
	for all := txscript.MakeScriptTokenizer(0, script); all.Next(); {
		if all.Opcode() > txscript.OP_16 {
			ops++
		}
	}
	c := top.costs
	return top.types.has(typeB|propM|propS|propK) && (c.checks.sat == never || ops+c.checks.sat <= maxOps) && c.elements.sat <= maxElements
}

// decoder reads a script from its end. What it reads is nil if it is no miniscript.
type decoder struct {
	rest  []token
	keys  map[string]bool
	twice bool // a key has come twice
}

// key notes a public key.
func (d *decoder) key(key []byte) string {
	text := hex.EncodeToString(key)
	d.twice = d.twice || d.keys[text]
	d.keys[text] = true
	return text
}

func (d *decoder) next(ops ...byte) bool {
	if len(d.rest) < len(ops) {
		return false
	}
	for i, op := range ops {
		if d.rest[i].op != op {
			return false
		}
	}
	return true
}

// take is next, and goes on behind the tokens.
func (d *decoder) take(ops ...byte) bool {
	if !d.next(ops...) {
		return false
	}
	d.rest = d.rest[len(ops):]
	return true
}

// sequence reads an expression of type B, K or V, and with and_v all that stand before
// it.
func (d *decoder) sequence() *node {
	last := d.single()
	if last == nil || len(d.rest) == 0 {
		return last
	}
	switch d.rest[0].op {
	case txscript.OP_IF, txscript.OP_ELSE, txscript.OP_NOTIF, txscript.OP_TOALTSTACK, txscript.OP_SWAP:
		return last
	}
	return pair("and_v", d.sequence(), last)
}

// below reads an expression of type W.
func (d *decoder) below() *node {
	if d.take(txscript.OP_FROMALTSTACK) {
		if x := d.sequence(); d.take(txscript.OP_TOALTSTACK) {
			return wrap('a', x)
		}
		return nil
	}
	if x := d.sequence(); d.take(txscript.OP_SWAP) {
		return wrap('s', x)
	}
	return nil
}

// single reads an expression of type B, K or V that is no and_v. The wrappers take what
// is single alone, because and_v may as well stand outside of them.
func (d *decoder) single() *node {
	if n, done := d.constant(); done {
		return n
	}
	switch {
	case d.take(txscript.OP_CHECKSIG):
		return wrap('c', d.single())
	case d.take(txscript.OP_VERIFY):
		return wrap('v', d.single())
	case d.take(txscript.OP_0NOTEQUAL):
		return wrap('n', d.single())
	case d.next(txscript.OP_EQUAL):
		return d.thresh()
	case d.take(txscript.OP_ENDIF):
		return d.conditional()
	case d.take(txscript.OP_BOOLAND):
		second := d.below()
		return pair("and_b", d.single(), second)
	case d.take(txscript.OP_BOOLOR):
		second := d.below()
		return pair("or_b", d.single(), second)
	}
	return nil
}

// constant reads an expression without others in it. It is done if this is one, or must
// not be another.
func (d *decoder) constant() (n *node, done bool) {
	if len(d.rest) == 0 {
		return nil, true
	}
	switch first := d.rest[0]; {
	case d.take(txscript.OP_1):
		return leaf("1", "", typeB|propZ|propU|propF|propM|propK, costs{cost{0, never}, cost{0, never}}), true
	case d.take(txscript.OP_0):
		return leaf("0", "", typeB|propZ|propU|propD|propE|propM|propS|propK, costs{cost{never, 0}, cost{never, 0}}), true
	case len(first.data) == 33 || len(first.data) == 32:
		if !validKey(first.data) {
			return nil, true
		}
		d.rest = d.rest[1:]
		return leaf("pk_k", d.key(first.data), typeK|propO|propN|propU|propD|propE|propM|propS|propK, costs{cost{0, 0}, cost{1, 1}}), true
	case d.isKeyHash():
		return nil, true // nobody knows its key
	}
	if n, done := d.timeLock(); done {
		return n, true
	}
	if n := d.hash(); n != nil {
		return n, true
	}
	if d.next(txscript.OP_CHECKMULTISIG) && len(d.rest) >= 3 {
		return d.multi(), true
	}
	return nil, false
}

// validKey reports whether a key has the form of a compressed one: a witness has no other.
func validKey(key []byte) bool { return len(key) == 33 && (key[0] == 2 || key[0] == 3) }

func (d *decoder) isKeyHash() bool {
	const hash = 20
	return d.next(txscript.OP_VERIFY, txscript.OP_EQUAL) && len(d.rest) >= 5 && len(d.rest[2].data) == hash &&
		d.rest[3].op == txscript.OP_HASH160 && d.rest[4].op == txscript.OP_DUP
}

func (d *decoder) timeLock() (n *node, done bool) {
	name := map[byte]string{txscript.OP_CHECKSEQUENCEVERIFY: "older", txscript.OP_CHECKLOCKTIMEVERIFY: "after"}[d.rest[0].op]
	if name == "" || len(d.rest) < 2 {
		return nil, false
	}
	number, ok := d.rest[1].number()
	if !ok {
		return nil, false
	}
	d.rest = d.rest[2:]
	if number < 1 || number > maxLock {
		return nil, true
	}
	return leaf(name, fmt.Sprint(number), typeB|propZ|propF|propM|propK|lockType(name, number), costs{cost{0, never}, cost{0, never}}), true
}

// lockType is the kind of a lock (BIP68, BIP65).
func lockType(name string, number int64) types {
	const byTime = 1 << 22
	switch {
	case name == "older" && number&byTime != 0:
		return lockG
	case name == "older":
		return lockH
	case number >= txscript.LockTimeThreshold:
		return lockI
	}
	return lockJ
}

// hash reads the test of a preimage of 32 bytes; nil if there is none.
func (d *decoder) hash() *node {
	const length, short = 32, 20
	if len(d.rest) < 7 || d.rest[0].op != txscript.OP_EQUAL || d.rest[3].op != txscript.OP_VERIFY || d.rest[4].op != txscript.OP_EQUAL || d.rest[6].op != txscript.OP_SIZE {
		return nil
	}
	if size, ok := d.rest[5].number(); !ok || size != length {
		return nil
	}
	kind := map[byte]struct {
		name   string
		length int
	}{
		txscript.OP_SHA256: {"sha256", length}, txscript.OP_RIPEMD160: {"ripemd160", short},
		txscript.OP_HASH256: {"hash256", length}, txscript.OP_HASH160: {"hash160", short},
	}[d.rest[2].op]
	data := d.rest[1].data
	if kind.name == "" || len(data) != kind.length {
		return nil
	}
	d.rest = d.rest[7:]
	return leaf(kind.name, hex.EncodeToString(data), typeB|propO|propN|propU|propD|propM|propK, costs{cost{0, never}, cost{1, never}})
}

func (d *decoder) multi() *node {
	const maxKeys = 20
	count, ok := d.rest[1].number()
	if !ok || count < 1 || count > maxKeys || int64(len(d.rest)) < 3+count {
		return nil
	}
	keys := ""
	for _, t := range d.rest[2 : 2+count] {
		if !validKey(t.data) {
			return nil
		}
		keys = "," + d.key(t.data) + keys
	}
	needed, ok := d.rest[2+count].number()
	if !ok || needed < 1 || needed > count {
		return nil
	}
	d.rest = d.rest[3+count:]
	n, signatures := int(count), int(needed)+1 // and one element too many
	return leaf("multi", fmt.Sprint(needed)+keys, typeB|propN|propU|propD|propE|propM|propS|propK, costs{cost{n, n}, cost{signatures, signatures}})
}

func (d *decoder) thresh() *node {
	if len(d.rest) < 3 {
		return nil
	}
	needed, ok := d.rest[1].number()
	if !ok || needed < 1 {
		return nil
	}
	d.rest = d.rest[2:]
	var subs []*node
	for d.take(txscript.OP_ADD) {
		subs = append(subs, d.below())
		if subs[len(subs)-1] == nil {
			return nil
		}
	}
	subs = append(subs, d.single())
	if subs[len(subs)-1] == nil || needed > int64(len(subs)) {
		return nil
	}
	slices.Reverse(subs)
	var checks, elements []cost
	for _, sub := range subs {
		checks, elements = append(checks, sub.costs.checks), append(elements, sub.costs.elements)
	}
	k := int(needed)
	return checked(&node{
		name: "thresh", args: fmt.Sprint(needed), subs: subs, types: threshType(k, subs),
		costs: costs{threshCost(k, checks), threshCost(k, elements)},
	})
}

// conditional reads what ends with ENDIF.
func (d *decoder) conditional() *node {
	last := d.sequence()
	if last == nil {
		return nil
	}
	switch {
	case d.take(txscript.OP_ELSE):
		first := d.sequence()
		if d.take(txscript.OP_IF) {
			return pair("or_i", first, last)
		}
		if d.take(txscript.OP_NOTIF) && first != nil {
			return andor(d.single(), last, first)
		}
	case d.take(txscript.OP_IF, txscript.OP_DUP):
		return wrap('d', last)
	case d.take(txscript.OP_IF, txscript.OP_0NOTEQUAL, txscript.OP_SIZE):
		return wrap('j', last)
	case d.take(txscript.OP_NOTIF, txscript.OP_IFDUP):
		return pair("or_d", d.single(), last)
	case d.take(txscript.OP_NOTIF):
		return pair("or_c", d.single(), last)
	}
	return nil
}
