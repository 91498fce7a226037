package slots

// bits is how much of an id names the slot; the rest counts its uses.
const bits = 16

// Max is the largest number of entries of a Table.
const Max = 1 << bits

// Table holds values by id. The zero value is empty and ready.
type Table[T any] struct {
	slots []slot[T]
	free  []uint32
}

type slot[T any] struct {
	use   uint64 // how often the slot was taken; at least 1 once it was
	taken bool
	value T
}

// Len is the number of entries.
func (t *Table[T]) Len() int { return len(t.slots) - len(t.free) }

// Put adds a value and returns its id, which is never zero. It reports false
// if there are limit entries already.
func (t *Table[T]) Put(value T, limit int) (id uint64, ok bool) {
	if t.Len() >= min(limit, Max) {
		return 0, false
	}
	if len(t.free) == 0 {
		t.slots = append(t.slots, slot[T]{})
		t.free = append(t.free, uint32(len(t.slots)-1))
	}
	i := t.free[len(t.free)-1]
	t.free = t.free[:len(t.free)-1]
	s := &t.slots[i]
	s.use++
	s.taken, s.value = true, value
	return s.use<<bits | uint64(i), true
}

// Get returns the value of an id, nil if there is none. It is valid until the
// next Put or Take.
func (t *Table[T]) Get(id uint64) *T {
	i := id & (Max - 1)
	if i >= uint64(len(t.slots)) {
		return nil
	}
	s := &t.slots[i]
	if !s.taken || s.use != id>>bits {
		return nil
	}
	return &s.value
}

// Take removes the value of an id and returns it.
func (t *Table[T]) Take(id uint64) (value T, ok bool) {
	found := t.Get(id)
	if found == nil {
		return value, false
	}
	value = *found
	i := id & (Max - 1)
	var none T
	t.slots[i].taken, t.slots[i].value = false, none
	t.free = append(t.free, uint32(i))
	return value, true
}

// All calls f for every entry.
func (t *Table[T]) All(f func(id uint64, value *T)) {
	for i := range t.slots {
		if s := &t.slots[i]; s.taken {
			f(s.use<<bits|uint64(i), &s.value)
		}
	}
}
