package headersync

import "github.com/btcsuite/btcd/wire/v2"

// bitQueue is a queue of bits.
type bitQueue struct {
	words       []uint64
	first, last int // the bits in between are there
}

func (q *bitQueue) len() int { return q.last - q.first }

func (q *bitQueue) push(bit bool) {
	if q.last%64 == 0 {
		q.words = append(q.words, 0)
	}
	if bit {
		q.words[q.last/64] |= 1 << (q.last % 64)
	}
	q.last++
}

func (q *bitQueue) pop() (bit, ok bool) {
	if q.len() == 0 {
		return false, false
	}
	bit = q.words[q.first/64]>>(q.first%64)&1 == 1
	q.first++
	return bit, true
}

// headerQueue is a queue of headers. Those taken out are given up in lumps.
type headerQueue struct {
	headers []wire.BlockHeader
	taken   int
}

func (q *headerQueue) len() int { return len(q.headers) - q.taken }

func (q *headerQueue) push(h *wire.BlockHeader) {
	if q.taken > len(q.headers)/2 {
		q.headers = append(q.headers[:0], q.headers[q.taken:]...)
		q.taken = 0
	}
	q.headers = append(q.headers, *h)
}

func (q *headerQueue) pop() wire.BlockHeader {
	q.taken++
	return q.headers[q.taken-1]
}
