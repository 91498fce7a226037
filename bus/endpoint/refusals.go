package endpoint

import (
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Anybody can be refused as often as he likes: he must not fill the disk.
const (
	refusalLines  = 60
	refusalWindow = time.Minute
)

// refusals bounds the log lines that strangers can cause.
type refusals struct {
	logger *slog.Logger

	mu     sync.Mutex
	began  time.Time
	lines  int
	silent int
}

func (r *refusals) log(text string) {
	r.turn()
	r.mu.Lock()
	r.lines++
	tell := r.lines <= refusalLines
	if !tell {
		r.silent++
	}
	r.mu.Unlock()
	if tell {
		r.logger.Warn(text)
	}
}

// turn begins a new window when the present one is over.
func (r *refusals) turn() {
	r.mu.Lock()
	over := time.Since(r.began) > refusalWindow
	r.mu.Unlock()
	if over {
		r.report()
	}
}

// report tells how many lines were left out and begins a new window.
func (r *refusals) report() {
	r.mu.Lock()
	silent := r.silent
	r.began, r.lines, r.silent = time.Now(), 0, 0
	r.mu.Unlock()
	if silent > 0 {
		r.logger.Warn(fmt.Sprintf("bus: refused %d more connections", silent))
	}
}
