package interpreter

import (
	"bytes"

	"github.com/btcsuite/btcd/txscript/v2"
)

func equal(m *machine) *Error {
	same := bytes.Equal(m.top(2), m.top(1))
	m.drop(2)
	m.pushBool(same)
	return nil
}

// unaryOp replaces a number by a function of it.
func unaryOp(f func(n int64) int64) handler {
	return needs(1, func(m *machine) *Error {
		n, err := m.number(1)
		if err != nil {
			return err
		}
		m.drop(1)
		m.pushNumber(f(n))
		return nil
	})
}

// binaryOp replaces two numbers by a function of them.
func binaryOp(f func(a, b int64) int64) handler {
	return needs(2, func(m *machine) *Error {
		a, err := m.number(2)
		if err != nil {
			return err
		}
		b, err := m.number(1)
		if err != nil {
			return err
		}
		m.drop(2)
		m.pushNumber(f(a, b))
		return nil
	})
}

// relation replaces two numbers by a truth about them.
func relation(f func(a, b int64) bool) handler {
	return binaryOp(func(a, b int64) int64 { return truth(f(a, b)) })
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

var arithmetic = map[byte]handler{
	txscript.OP_1ADD:      unaryOp(func(n int64) int64 { return n + 1 }),
	txscript.OP_1SUB:      unaryOp(func(n int64) int64 { return n - 1 }),
	txscript.OP_NEGATE:    unaryOp(func(n int64) int64 { return -n }),
	txscript.OP_ABS:       unaryOp(func(n int64) int64 { return max(n, -n) }),
	txscript.OP_NOT:       unaryOp(func(n int64) int64 { return truth(n == 0) }),
	txscript.OP_0NOTEQUAL: unaryOp(func(n int64) int64 { return truth(n != 0) }),

	txscript.OP_ADD: binaryOp(func(a, b int64) int64 { return a + b }),
	txscript.OP_SUB: binaryOp(func(a, b int64) int64 { return a - b }),
	txscript.OP_MIN: binaryOp(func(a, b int64) int64 { return min(a, b) }),
	txscript.OP_MAX: binaryOp(func(a, b int64) int64 { return max(a, b) }),

	txscript.OP_BOOLAND:            relation(func(a, b int64) bool { return a != 0 && b != 0 }),
	txscript.OP_BOOLOR:             relation(func(a, b int64) bool { return a != 0 || b != 0 }),
	txscript.OP_NUMEQUAL:           relation(numEqual),
	txscript.OP_NUMEQUALVERIFY:     verifying(relation(numEqual), errNumEqualVerify),
	txscript.OP_NUMNOTEQUAL:        relation(func(a, b int64) bool { return a != b }),
	txscript.OP_LESSTHAN:           relation(func(a, b int64) bool { return a < b }),
	txscript.OP_GREATERTHAN:        relation(func(a, b int64) bool { return a > b }),
	txscript.OP_LESSTHANOREQUAL:    relation(func(a, b int64) bool { return a <= b }),
	txscript.OP_GREATERTHANOREQUAL: relation(func(a, b int64) bool { return a >= b }),
	txscript.OP_WITHIN:             needs(3, within),
}

func numEqual(a, b int64) bool { return a == b }

func within(m *machine) *Error {
	var n [3]int64
	for i := range n {
		var err *Error
		if n[i], err = m.number(3 - i); err != nil {
			return err
		}
	}
	m.drop(3)
	m.pushBool(n[1] <= n[0] && n[0] < n[2])
	return nil
}
