package miniscript

// types are the base type of an expression and its properties (BIP379, "Type System" and
// "Malleability"; the letters are those of the BIP and of Bitcoin Core).
type types uint32

const (
	typeB types = 1 << iota // puts a value onto the stack
	typeV                   // continues or aborts
	typeK                   // puts a key onto the stack
	typeW                   // as B, but below the top
	propZ                   // consumes no element
	propO                   // consumes one
	propN                   // the top element is never zero when it is satisfied
	propD                   // can be dissatisfied
	propU                   // puts exactly 1 when it is satisfied
	propE                   // has one dissatisfaction alone that nobody can change
	propF                   // cannot be dissatisfied without a signature
	propM                   // has a satisfaction that nobody can change
	propS                   // cannot be satisfied without a signature
	lockG                   // has a relative lock by time
	lockH                   // by height
	lockI                   // an absolute one by time
	lockJ                   // by height
	propK                   // needs no locks of both kinds at once

	base  = typeB | typeV | typeK | typeW
	locks = lockG | lockH | lockI | lockJ
)

func (t types) has(all types) bool { return t&all == all }

// when returns types if a condition holds.
func (t types) when(holds bool) types {
	if holds {
		return t
	}
	return 0
}

// oneOf is o of two that run one after the other: one consumes an element, the other
// none.
func oneOf(x, y types) types { return ((x | y) & propO).when((x | y).has(propZ)) }

// firstNonZero is n of two that run one after the other.
func firstNonZero(x, y types) types { return x&propN | (y & propN).when(x.has(propZ)) }

// mixed reports whether one has a lock by time and the other by height.
func mixed(x, y types) bool {
	clash := func(a, b types) bool { return x.has(a) && y.has(b) || x.has(b) && y.has(a) }
	return clash(lockG, lockH) || clash(lockI, lockJ)
}

// together is the locks of what has to be satisfied together with something.
func together(x, y types) types { return (x|y)&locks | (x & y & propK).when(!mixed(x, y)) }

// either is the locks of what is satisfied by one of two.
func either(x, y types) types { return (x|y)&locks | x&y&propK }

func wrapperType(wrapper byte, x types) types {
	kept := x & (locks | propK)
	switch wrapper {
	case 'a':
		return kept | typeW.when(x.has(typeB)) | x&(propU|propD|propF|propE|propM|propS)
	case 's':
		return kept | typeW.when(x.has(typeB|propO)) | x&(propU|propD|propF|propE|propM|propS)
	case 'c':
		return kept | typeB.when(x.has(typeK)) | x&(propO|propN|propD|propF|propE|propM) | propU | propS
	case 'd':
		return kept | typeB.when(x.has(typeV|propZ)) | propO.when(x.has(propZ)) | propE.when(x.has(propF)) | x&(propM|propS) | propN | propD
	case 'v':
		return kept | typeV.when(x.has(typeB)) | x&(propZ|propO|propN|propM|propS) | propF
	case 'j':
		return kept | typeB.when(x.has(typeB|propN)) | propE.when(x.has(propF)) | x&(propO|propU|propM|propS) | propN | propD
	}
	return kept | x&(typeB|propZ|propO|propN|propD|propF|propE|propM|propS) | propU // n
}

func pairType(name string, x, y types) types {
	const ready = typeB | propD | propU
	both, any := x&y, x|y
	// One of two that anybody can satisfy must not be exchanged for the other.
	choice := (both & propM).when(x.has(propE) && any.has(propS))
	switch name {
	case "and_v":
		return (y & (typeK | typeV | typeB)).when(x.has(typeV)) | firstNonZero(x, y) | oneOf(x, y) | both&(propM|propZ) | any&propS |
			propF.when(y.has(propF) || x.has(propS)) | y&propU | together(x, y)
	case "and_b":
		return (x & typeB).when(y.has(typeW)) | firstNonZero(x, y) | oneOf(x, y) | (both & propE).when(both.has(propS)) | both&(propD|propZ|propM) |
			propF.when(both.has(propF) || x.has(propS|propF) || y.has(propS|propF)) | any&propS | propU | together(x, y)
	case "or_b":
		return typeB.when(x.has(typeB|propD) && y.has(typeW|propD)) | oneOf(x, y) | choice.when(y.has(propE)) | both&(propZ|propS|propE) | propD | propU | either(x, y)
	case "or_d":
		return (y & typeB).when(x.has(ready)) | (x & propO).when(y.has(propZ)) | choice | both&(propZ|propS) | y&(propU|propF|propD|propE) | either(x, y)
	case "or_c":
		return (y & typeV).when(x.has(ready)) | (x & propO).when(y.has(propZ)) | choice | both&(propZ|propS) | propF | either(x, y)
	}
	return both&(typeV|typeB|typeK|propU|propF|propS) | propO.when(both.has(propZ)) | (any & propE).when(any.has(propF)) |
		(both & propM).when(any.has(propS)) | any&propD | either(x, y) // or_i
}

func andorType(x, y, z types) types {
	branches := y & z
	all := x | y | z
	needed := x.has(propS) || y.has(propF)
	return (branches & (typeB | typeK | typeV)).when(x.has(typeB|propD|propU)) | x&branches&propZ | oneOf(x, branches) | branches&propU |
		(z & (propF | propE)).when(needed) | z&propD | (x & branches & propM).when(x.has(propE) && all.has(propS)) | z&(x|y)&propS |
		all&locks | (x & branches & propK).when(!mixed(x, y))
}

func threshType(needed int, subs []*node) types {
	consumed, signed := 0, 0
	all, locked := propE|propM, propK
	for i, sub := range subs {
		kind, t := typeW, sub.types
		if i == 0 {
			kind = typeB
		}
		if !t.has(kind | propD | propU) {
			return 0
		}
		all &= t
		if t.has(propS) {
			signed++
		}
		if needed > 1 {
			locked = together(locked, t)
		} else {
			locked = either(locked, t)
		}
		switch {
		case t.has(propZ):
		case t.has(propO):
			consumed++
		default:
			consumed += 2
		}
	}
	spare := len(subs) - needed
	return typeB | propD | propU | propZ.when(consumed == 0) | propO.when(consumed == 1) | propE.when(all.has(propE) && signed == len(subs)) |
		propM.when(all.has(propE|propM) && signed >= spare) | propS.when(signed > spare) | locked
}
