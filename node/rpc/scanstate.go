package rpc

import (
	"errors"
	"sync"
)

// scanState is the one scan of its sort that may run at a time.
type scanState struct {
	mu       sync.Mutex
	running  bool
	progress int // percent
	abort    bool
}

var errAborted = errors.New("the scan was aborted")

// begin reports whether no other scan is running.
func (s *scanState) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running {
		return false
	}
	s.running, s.progress, s.abort = true, 0, false
	return true
}

func (s *scanState) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = false
}

// step notes the progress and fails if the scan is to end.
func (s *scanState) step(progress int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.progress = progress
	if s.abort {
		return errAborted
	}
	return nil
}

// status returns the percentage that is done.
func (s *scanState) status() (progress int, running bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.progress, s.running
}

// cancel ends a scan and reports whether there is one.
func (s *scanState) cancel() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.abort = s.running
	return s.running
}
