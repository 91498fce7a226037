package interpreter

import (
	"slices"

	"github.com/btcsuite/btcd/txscript/v2"
)

func (s *operands) push(element []byte) { s.stack = append(s.stack, element) }

// top returns the element at a depth, which is one for the uppermost.
func (s *operands) top(depth int) []byte { return s.stack[len(s.stack)-depth] }

func (s *operands) drop(n int) { s.stack = s.stack[:len(s.stack)-n] }

func (s *operands) swap(a, b int) {
	n := len(s.stack)
	s.stack[n-a], s.stack[n-b] = s.stack[n-b], s.stack[n-a]
}

func (s *operands) pushBool(b bool) {
	if b {
		s.push(trueElement)
	} else {
		s.push(falseElement)
	}
}

func (m *machine) pushNumber(n int64) {
	if n >= -1 && n <= 16 {
		m.push(small[n+1])
		return
	}
	var encoded [9]byte
	number := appendNumber(encoded[:0], n)
	element := m.element(len(number))
	copy(element, number)
	m.push(element)
}

// number reads the element at a depth.
func (m *machine) number(depth int) (int64, *Error) {
	return number(m.top(depth), m.has(txscript.ScriptVerifyMinimalData), numberSize)
}

// needs guards a handler that reads n elements.
func needs(n int, handle handler) handler {
	return func(m *machine) *Error {
		if len(m.stack) < n {
			return errInvalidStack
		}
		return handle(m)
	}
}

// copies pushes again what lies between two depths, the deeper one first.
func copies(from, to int) handler {
	return needs(from, func(m *machine) *Error {
		n := len(m.stack)
		m.stack = append(m.stack, m.stack[n-from:n-to+1]...)
		return nil
	})
}

func drops(n int) handler {
	return needs(n, func(m *machine) *Error {
		m.drop(n)
		return nil
	})
}

func toAltStack(m *machine) *Error {
	m.alt = append(m.alt, m.top(1))
	m.drop(1)
	return nil
}

func fromAltStack(m *machine) *Error {
	n := len(m.alt)
	if n < 1 {
		return errInvalidAltStack
	}
	m.push(m.alt[n-1])
	m.alt = m.alt[:n-1]
	return nil
}

// lift moves the element at a depth to the top.
func (s *operands) lift(depth int) {
	at := len(s.stack) - depth
	element := s.stack[at]
	copy(s.stack[at:], s.stack[at+1:])
	s.stack[len(s.stack)-1] = element
}

func twoRot(m *machine) *Error {
	m.lift(6)
	m.lift(6)
	return nil
}

func twoSwap(m *machine) *Error {
	m.swap(4, 2)
	m.swap(3, 1)
	return nil
}

func ifDup(m *machine) *Error {
	if isTrue(m.top(1)) {
		m.push(m.top(1))
	}
	return nil
}

func depth(m *machine) *Error {
	m.pushNumber(int64(len(m.stack)))
	return nil
}

func nip(m *machine) *Error {
	m.swap(1, 2)
	m.drop(1)
	return nil
}

// pickOrRoll copies or moves an element whose depth is on the stack.
func pickOrRoll(m *machine) *Error {
	n, err := m.number(1)
	if err != nil {
		return err
	}
	m.drop(1)
	if n < 0 || n >= int64(len(m.stack)) {
		return errInvalidStack
	}
	if m.op == txscript.OP_ROLL {
		m.lift(int(n) + 1)
	} else {
		m.push(m.top(int(n) + 1))
	}
	return nil
}

func rot(m *machine) *Error {
	m.lift(3)
	return nil
}

func swap(m *machine) *Error {
	m.swap(1, 2)
	return nil
}

func tuck(m *machine) *Error {
	m.stack = slices.Insert(m.stack, len(m.stack)-2, m.top(1))
	return nil
}

func size(m *machine) *Error {
	m.pushNumber(int64(len(m.top(1))))
	return nil
}
