package logging

import (
	"fmt"
	"log/slog"
	"runtime"
	"time"
)

const (
	// excessWindow is how long a source of lines has for excessBytes, as in Bitcoin
	// Core (BCLog::LogRateLimiter).
	excessWindow = time.Hour
	excessBytes  = 1 << 20
	// UnlimitedKey is the attribute, with true, of a logger whose lines nobody outside
	// can cause, however many they are.
	UnlimitedKey = "unlimited"
)

// excess keeps who makes us log from filling the disk: of what one place in the program
// logs unasked, a MiB an hour is written. Debug lines are what somebody wanted.
type excess struct {
	began  time.Time
	places map[uintptr]*place
}

// place is a line of the source that logs.
type place struct{ written, dropped int }

// lets reports whether a line of so many bytes is to be written. The last one before
// silence is, with the warning; news are what is to be told of before.
func (e *excess) lets(r slog.Record, size int, now time.Time) (ok bool, news []string) {
	if now.Sub(e.began) >= excessWindow {
		news = e.renew(now)
	}
	p := e.places[r.PC]
	if p == nil {
		p = &place{}
		e.places[r.PC] = p
	}
	switch p.written += size; {
	case p.dropped > 0:
		p.dropped += size
		return false, news
	case p.written > excessBytes:
		p.dropped = 1 // silence has begun
		return true, append(news, fmt.Sprintf("Excessive logging detected from %s: >%d bytes logged during the last time window of %.0fs. Suppressing logging from this source location until time window resets. Last log entry.",
			nameOf(r.PC), excessBytes, excessWindow.Seconds()))
	}
	return true, news
}

// renew begins a window, and tells what the one before has cost.
func (e *excess) renew(now time.Time) (news []string) {
	for pc, p := range e.places {
		if p.dropped > 0 {
			news = append(news, fmt.Sprintf("Restarting logging from %s: %d bytes were dropped during the last %.0fs.",
				nameOf(pc), p.dropped-1, excessWindow.Seconds()))
		}
	}
	e.began, e.places = now, map[uintptr]*place{}
	return news
}

// nameOf is a place as its file, line and function.
func nameOf(pc uintptr) string {
	frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	return fmt.Sprintf("%s:%d (%s)", frame.File, frame.Line, frame.Function)
}
