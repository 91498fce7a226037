package asmap

// program is a trie of prefixes, bit by bit, the lowest of each byte first.
type program []byte

func (p program) len() int { return 8 * len(p) }

func (p program) bit(at int) uint32 { return uint32(p[at/8]>>(at%8)) & 1 }

// The operations of a program, as they are written: 0, 10, 110 and 111.
type operation uint32

const (
	leaf     operation = iota // the system of all addresses that come here
	branch                    // by the next bit of the address: how far to skip if it is one
	prefix                    // bits that the address has to go on with
	fallback                  // the system of those that a prefix behind this turns away
)

// Classes of the numbers behind the operations: how many bits each has. A number of the
// first class has a 0 before it, one of the second 10, and so on; the last class needs
// no end. Each class begins where the one before it ends.
var (
	operationClasses = []int{0, 0, 1}
	systemClasses    = from(15, 24)
	prefixClasses    = from(1, 8)
	branchClasses    = from(5, 30)
)

// The least numbers of each kind.
const (
	leastSystem = 1
	leastPrefix = 2
	leastBranch = 17
)

func from(first, last int) (list []int) {
	for bits := first; bits <= last; bits++ {
		list = append(list, bits)
	}
	return list
}

// number reads a number at a bit, and returns where it ends; not ok if the program does
// before.
func (p program) number(at int, least uint32, classes []int) (n uint32, end int, ok bool) {
	n = least
	for i, bits := range classes {
		if i < len(classes)-1 {
			if at >= p.len() {
				return 0, 0, false
			}
			at++
			if p.bit(at-1) == 1 {
				n += 1 << bits
				continue
			}
		}
		if bits > p.len()-at {
			return 0, 0, false
		}
		var rest uint32
		for range bits {
			rest = rest<<1 | p.bit(at)
			at++
		}
		return n + rest, at, true
	}
	return 0, 0, false
}

// step is one operation with its number.
type step struct {
	operation
	number uint32
	next   int // where the one behind it begins
}

// read reads the step at a bit; not ok if the program ends before it does.
func (p program) read(at int) (s step, ok bool) {
	op, at, ok := p.number(at, 0, operationClasses)
	if !ok {
		return s, false
	}
	s.operation = operation(op)
	switch s.operation {
	case branch:
		s.number, s.next, ok = p.number(at, leastBranch, branchClasses)
	case prefix:
		s.number, s.next, ok = p.number(at, leastPrefix, prefixClasses)
	default:
		s.number, s.next, ok = p.number(at, leastSystem, systemClasses)
	}
	return s, ok
}
