package coins

// appendVarInt appends Bitcoin Core's VARINT: base 128, most significant group
// first, each group but the last one marked and reduced by one, so that every
// number has one encoding.
func appendVarInt(dst []byte, n uint64) []byte {
	var tmp [10]byte
	i := len(tmp) - 1
	tmp[i] = byte(n & 0x7f)
	for n > 0x7f {
		n = n>>7 - 1
		i--
		tmp[i] = byte(n&0x7f) | 0x80
	}
	return append(dst, tmp[i:]...)
}

// varInt reads a VARINT and returns what follows it.
func varInt(b []byte) (n uint64, rest []byte, err error) {
	for i, c := range b {
		if n > (1<<64-1)>>7 {
			return 0, nil, ErrCorrupt
		}
		n = n<<7 | uint64(c&0x7f)
		if c&0x80 == 0 {
			return n, b[i+1:], nil
		}
		if n == 1<<64-1 {
			return 0, nil, ErrCorrupt
		}
		n++
	}
	return 0, nil, ErrCorrupt
}

// compressAmount makes round amounts small numbers: n = 0, or 1 + 10(9m + d -
// 1) + e for n = (10m + d)10^e with d not zero, or 1 + 10(m - 1) + 9 for n =
// m10^9.
func compressAmount(n uint64) uint64 {
	if n == 0 {
		return 0
	}
	e := uint64(0)
	for n%10 == 0 && e < 9 {
		n /= 10
		e++
	}
	if e == 9 {
		return 1 + (n-1)*10 + 9
	}
	return 1 + (n/10*9+n%10-1)*10 + e
}

// maxMoney is more than all bitcoins that will ever be, in satoshi.
const maxMoney = 21_000_000 * 100_000_000

// decompressAmount is the inverse of compressAmount. It fails on what is no
// amount.
func decompressAmount(x uint64) (uint64, error) {
	if x == 0 {
		return 0, nil
	}
	x--
	e := x % 10
	x /= 10
	n := x + 1
	if e < 9 {
		n = x/9*10 + x%9 + 1
	}
	for range e {
		if n > maxMoney {
			break // before it overflows
		}
		n *= 10
	}
	if n > maxMoney {
		return 0, ErrCorrupt
	}
	return n, nil
}
