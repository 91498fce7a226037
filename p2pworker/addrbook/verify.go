package addrbook

import "fmt"

// Verify looks whether lists and tables agree. An error is a fault of the program.
func (b *Book) Verify() error {
	places := map[*slot]int{}
	for bucket := range b.fresh.buckets {
		for index, s := range b.fresh.buckets[bucket] {
			if s == nil {
				continue
			}
			if places[s]++; b.placeIn(s.Address, bucket, true) != (place{bucket, index}) {
				return fmt.Errorf("%s is new in another place than its own", s.Address)
			}
		}
	}
	tried := 0
	for i, s := range b.list {
		switch {
		case s.position != i || b.entries[s.Address] != s:
			return fmt.Errorf("%s is not listed where it should be", s.Address)
		case s.Tried && (s.refs != 0 || b.tried.at(b.triedPlace(s.Address)) != s):
			return fmt.Errorf("%s has not its place among the tried", s.Address)
		case !s.Tried && s.refs == 0, s.refs != places[s], s.refs > maxRefs:
			return fmt.Errorf("%s counts %d places and has %d", s.Address, s.refs, places[s])
		}
		if s.Tried {
			tried++
		}
	}
	if tried != b.Tried() || len(b.entries) != len(b.list) {
		return fmt.Errorf("%d tried of %d, and in the tables %d of %d", tried, len(b.list), b.Tried(), len(b.entries))
	}
	return nil
}
