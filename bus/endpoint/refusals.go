package endpoint

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/secure"
)

// Anybody can be refused as often as he likes, and who has a key can come and
// go: neither must fill the disk.
const (
	refusalLines  = 60
	refusalWindow = time.Minute
)

// refusals bounds the log lines that strangers can cause.
type refusals struct {
	logger *slog.Logger
	rest   string // what lines that were left out tell of, with a %d

	mu     sync.Mutex
	began  time.Time
	lines  int
	silent int
}

func (r *refusals) log(text string) { r.logAt(slog.LevelWarn, text) }

func (r *refusals) logAt(level slog.Level, text string) {
	r.turn()
	r.mu.Lock()
	r.lines++
	tell := r.lines <= refusalLines
	if !tell {
		r.silent++
	}
	r.mu.Unlock()
	if tell {
		r.logger.Log(context.Background(), level, text)
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
		r.logger.Warn(fmt.Sprintf(r.rest, silent))
	}
}

// comings bounds the log lines about the links of each key, of which there are
// as many as a Keyring knew.
type comings struct {
	logger *slog.Logger
	mu     sync.Mutex
	keys   map[secure.PublicKey]*refusals
}

func newComings(logger *slog.Logger) *comings {
	return &comings{logger: logger, keys: map[secure.PublicKey]*refusals{}}
}

func (c *comings) of(key secure.PublicKey) *refusals {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.keys[key]
	if r == nil {
		r = &refusals{logger: c.logger, rest: "bus: %d more links came or went with the key " + strings.ReplaceAll(key.String(), "%", "%%")}
		c.keys[key] = r
	}
	return r
}

// each calls f for all keys.
func (c *comings) each(f func(*refusals)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.keys {
		f(r)
	}
}
