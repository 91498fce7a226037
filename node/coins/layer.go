package coins

import (
	"bytes"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"
)

// inlineScript is the length of the longest script of the usual outputs: those
// of a witness program of 32 bytes.
const inlineScript = 34

// isLong is the size of a packed coin whose script is elsewhere.
const isLong = inlineScript + 1

// packed is an entry without pointers: the garbage collector need not look at
// millions of them.
type packed struct {
	value  int64
	code   uint32 // height and coinbase flag
	state  state
	size   uint8 // of the script, or isLong
	script [inlineScript]byte
}

// What a coin costs in memory: key and value in a map that is two thirds full,
// and the same again with its script if that is long.
const (
	coinCost = 130
	longCost = 100
)

// layer holds entries by name.
type layer struct {
	coins map[wire.OutPoint]packed
	long  map[wire.OutPoint][]byte // scripts
	size  int64                    // estimate of the bytes of memory
}

func newLayer() *layer {
	return &layer{coins: map[wire.OutPoint]packed{}, long: map[wire.OutPoint][]byte{}}
}

// state returns that of an entry; known tells whether there is one. A nil layer
// is empty.
func (l *layer) state(op wire.OutPoint) (s state, known bool) {
	if l == nil {
		return 0, false
	}
	p, known := l.coins[op]
	return p.state, known
}

func (l *layer) get(op wire.OutPoint) (entry, bool) {
	if l == nil {
		return entry{}, false
	}
	p, known := l.coins[op]
	if !known {
		return entry{}, false
	}
	e := p.unpack(l.long[op])
	e.Script = bytes.Clone(e.Script)
	return e, true
}

// unpack returns the entry. Its script is p's own, or long.
func (p *packed) unpack(long []byte) entry {
	e := entry{Coin: Coin{Value: p.value, Height: int32(p.code >> 1), Coinbase: p.code&1 != 0}, state: p.state}
	if p.size == isLong {
		e.Script = long
	} else {
		e.Script = p.script[:p.size]
	}
	return e
}

// put sets an entry. It keeps nothing of e.
func (l *layer) put(op wire.OutPoint, e *entry) {
	old, known := l.coins[op]
	l.replace(op, old, known, e)
}

// replace is put where it is known what is there.
func (l *layer) replace(op wire.OutPoint, old packed, known bool, e *entry) {
	p := packed{value: e.Value, code: uint32(e.code()), state: e.state, size: uint8(min(len(e.Script), isLong))}
	if !known {
		l.size += coinCost
	} else if old.size == isLong {
		l.dropScript(op)
	}
	if p.size == isLong {
		l.long[op] = bytes.Clone(e.Script)
		l.size += longCost + int64(len(e.Script))
	} else {
		copy(p.script[:], e.Script)
	}
	l.coins[op] = p
}

func (l *layer) dropScript(op wire.OutPoint) {
	l.size -= longCost + int64(len(l.long[op]))
	delete(l.long, op)
}

// remove takes out an entry, which is there.
func (l *layer) remove(op wire.OutPoint, old packed) {
	if old.size == isLong {
		l.dropScript(op)
	}
	l.size -= coinCost
	delete(l.coins, op)
}

// drop takes out an entry if it is there.
func (l *layer) drop(op wire.OutPoint) {
	if old, known := l.coins[op]; known {
		l.remove(op, old)
	}
}

// take puts in an entry of another layer, whose script both have from then on.
func (l *layer) take(op wire.OutPoint, p packed, long []byte) {
	l.drop(op)
	if p.size == isLong {
		l.long[op] = long
		l.size += longCost + int64(len(long))
	}
	l.coins[op] = p
	l.size += coinCost
}

// names returns those of all entries, in the store's order.
func (l *layer) names() []wire.OutPoint {
	ops := make([]wire.OutPoint, 0, len(l.coins))
	for op := range l.coins {
		ops = append(ops, op)
	}
	slices.SortFunc(ops, compareOutPoints)
	return ops
}
