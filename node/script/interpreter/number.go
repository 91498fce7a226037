package interpreter

// Numbers of script are little-endian with the sign in the highest bit. Operands
// have at most four bytes, five where they are lock times; results may be longer.
const (
	numberSize   = 4
	lockTimeSize = 5
)

// False and true as opcodes push them.
var (
	falseElement = []byte{}
	trueElement  = []byte{1}
)

// small are the elements of -1 to 16.
var small = func() (elements [18][]byte) {
	for i := range elements {
		elements[i] = appendNumber(nil, int64(i)-1)
	}
	return elements
}()

// isTrue: anything but zero, of which there is a negative one.
func isTrue(element []byte) bool {
	for i, b := range element {
		if b != 0 {
			return i < len(element)-1 || b != 0x80
		}
	}
	return false
}

func number(element []byte, minimal bool, size int) (int64, *Error) {
	n := len(element)
	if n > size || minimal && !isMinimalNumber(element) {
		return 0, errScriptNum
	}
	if n == 0 {
		return 0, nil
	}
	var value int64
	for i, b := range element {
		value |= int64(b) << (8 * i)
	}
	if element[n-1]&0x80 != 0 {
		return -(value &^ (0x80 << (8 * (n - 1)))), nil
	}
	return value, nil
}

// isMinimalNumber: the last byte is not there for its sign alone, unless the one
// before needs it.
func isMinimalNumber(element []byte) bool {
	n := len(element)
	if n == 0 || element[n-1]&0x7f != 0 {
		return true
	}
	return n > 1 && element[n-2]&0x80 != 0
}

func appendNumber(to []byte, value int64) []byte {
	if value == 0 {
		return to
	}
	rest := uint64(max(value, -value))
	for ; rest > 0x7f; rest >>= 8 {
		to = append(to, byte(rest))
	}
	if value < 0 {
		rest |= 0x80
	}
	return append(to, byte(rest))
}
