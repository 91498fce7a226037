package asmap

import "math/bits"

// turn is a branch that is still to be walked: where it goes on if the bit of the
// address is one, and how many bits the address has left there.
type turn struct{ at, left int }

// walk goes once through all of a program, in the order in which it is written.
type walk struct {
	program
	left  int // bits of the address
	turns []turn
	last  operation
	short bool // the last prefix has fewer than eight bits
}

// sound reports whether each address of so many bits leads to a leaf, and nothing is
// written that no address leads to or that could be written shorter.
func (p program) sound(bits int) bool {
	w := walk{program: p, left: bits, last: branch}
	for at := 0; ; {
		if n := len(w.turns); n > 0 && at >= w.turns[n-1].at {
			return false // a branch leads into the middle of a step
		}
		s, ok := p.read(at)
		if !ok || !w.take(s) {
			return false
		}
		at = s.next
		if s.operation != leaf {
			continue
		}
		if len(w.turns) == 0 {
			return w.padded(at)
		}
		if !w.turn(at) {
			return false
		}
	}
}

// take notes a step. It reports false for one that cannot be there.
func (w *walk) take(s step) bool {
	before := w.last
	w.last = s.operation
	switch s.operation {
	case branch:
		return w.fork(s)
	case prefix:
		return w.match(s, before)
	}
	return before != fallback // it would have no effect
}

// fork notes where a branch leads to, which is before what earlier ones lead to.
func (w *walk) fork(s step) bool {
	w.left--
	to := s.next + int(s.number)
	if w.left < 0 || to > w.len() || len(w.turns) > 0 && to >= w.turns[len(w.turns)-1].at {
		return false
	}
	w.turns = append(w.turns, turn{to, w.left})
	return true
}

// match notes a prefix. Two in a row that are short could be one.
func (w *walk) match(s step, before operation) bool {
	length := prefixLength(s.number)
	short := length < prefixClasses[len(prefixClasses)-1]
	if before == prefix && w.short && short {
		return false
	}
	w.short = short
	w.left -= length
	return w.left >= 0
}

// turn goes on behind a leaf, where the last branch has to lead to.
func (w *walk) turn(at int) bool {
	last := w.turns[len(w.turns)-1]
	w.turns = w.turns[:len(w.turns)-1]
	w.left, w.last = last.left, branch
	return last.at == at
}

// padded reports whether nothing but the zeros of the last byte is left.
func (w *walk) padded(at int) bool {
	if w.len()-at >= 8 {
		return false
	}
	for ; at < w.len(); at++ {
		if w.bit(at) != 0 {
			return false
		}
	}
	return true
}

// prefixLength is how many bits a prefix has: those below the highest one of its number.
func prefixLength(n uint32) int { return bits.Len32(n) - 1 }
