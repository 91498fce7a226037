package warnings

import (
	"maps"
	"slices"
	"sync"
)

// Kind names a warning. There is one of each kind at a time.
type Kind string

// The kinds there are, in the order in which they are shown.
const (
	UnknownRules Kind = "1-unknown-rules" // others may follow rules that we do not know
	InvalidChain Kind = "2-invalid-chain" // a branch that we refuse has much more work than ours
)

// Set holds warnings. Its methods may be called from any goroutine.
type Set struct {
	mu    sync.Mutex
	texts map[Kind]string
}

// Set adds a warning and reports whether there was none of its kind: one that is there
// stays as it is.
func (s *Set) Set(kind Kind, text string) (added bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.texts[kind]; there {
		return false
	}
	if s.texts == nil {
		s.texts = map[Kind]string{}
	}
	s.texts[kind] = text
	return true
}

// Unset takes a warning back, if it is there.
func (s *Set) Unset(kind Kind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.texts, kind)
}

// List returns the texts of all.
func (s *Set) List() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]string, 0, len(s.texts))
	for _, kind := range slices.Sorted(maps.Keys(s.texts)) {
		list = append(list, s.texts[kind])
	}
	return list
}
