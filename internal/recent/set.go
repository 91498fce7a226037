package recent

// Set remembers at least the last half and at most all of so many members. It is
// not safe for concurrent use.
type Set[K comparable] struct {
	limit      int
	young, old map[K]struct{}
}

// NewSet returns an empty Set of at most limit members.
func NewSet[K comparable](limit int) Set[K] {
	return Set[K]{limit: limit, young: make(map[K]struct{})}
}

// Add remembers a member, and forgets half of the others if there are too many.
func (s *Set[K]) Add(k K) {
	if len(s.young) >= s.limit/2 {
		s.old, s.young = s.young, make(map[K]struct{})
	}
	s.young[k] = struct{}{}
}

// Has reports whether a member is remembered.
func (s *Set[K]) Has(k K) bool {
	if _, ok := s.young[k]; ok {
		return true
	}
	_, ok := s.old[k]
	return ok
}

// Remove forgets a member.
func (s *Set[K]) Remove(k K) {
	delete(s.young, k)
	delete(s.old, k)
}

// Clear forgets all.
func (s *Set[K]) Clear() {
	clear(s.young)
	s.old = nil
}
