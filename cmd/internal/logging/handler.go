package logging

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// LevelTrace is below debug: lines that only -loglevel=trace asks for.
const LevelTrace = slog.Level(-8)

// CategoryKey is the attribute that names a line's category.
const CategoryKey = "cat"

// Config says what is logged and how. It crosses to child processes as JSON.
type Config struct {
	Categories []string // of debug lines that are wanted; "all" for every one
	Excluded   []string // unwanted in spite of that
	Trace      bool     // trace lines too
	// TraceCategories are those whose trace lines are wanted in any case.
	TraceCategories []string
	Micros          bool   // -logtimemicros
	NoTime          bool   // -logtimestamps=0
	Thread          string // shown in brackets when not empty: -logthreadnames
	Source          bool   // -logsourcelocations: the place in the program
	Console         bool   // -printtoconsole: standard output gets the lines too
	RateLimit       bool   // -logratelimit: one place in the program logs so much in an hour
}

// Tee returns where lines go: to w, and to console if that is wanted. The
// file comes first: it is what others wait for.
func (c Config) Tee(w, console io.Writer) io.Writer {
	if !c.Console {
		return w
	}
	return io.MultiWriter(w, console)
}

// wants reports whether debug lines of a category are logged.
func (c *Config) wants(category string) bool {
	in := func(list []string) bool {
		for _, name := range list {
			if name == category || name == "all" {
				return true
			}
		}
		return false
	}
	return category != "" && in(c.Categories) && !in(c.Excluded)
}

// New returns a logger that writes to w, by what cfg says at the time.
func New(w io.Writer, cfg *Live, now func() time.Time) *slog.Logger {
	return slog.New(&handler{sink: &sink{w: w}, live: cfg, now: now})
}

// sink makes a line one write.
type sink struct {
	mu     sync.Mutex
	w      io.Writer
	buf    []byte
	excess excess
}

type handler struct {
	sink     *sink
	live     *Live
	now      func() time.Time
	category string
	suffix   string
	// unlimited lines are not held against the rate.
	unlimited bool
}

func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	if level >= slog.LevelInfo {
		return true
	}
	cfg := h.live.cfg.Load()
	trace := cfg.Trace || slices.Contains(cfg.TraceCategories, h.category)
	return (level >= slog.LevelDebug || trace) && cfg.wants(h.category)
}

func (h *handler) Handle(_ context.Context, r slog.Record) error {
	s := h.sink
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf = h.appendLine(s.buf[:0], r)
	if r.Level >= slog.LevelInfo && !h.unlimited && h.live.cfg.Load().RateLimit {
		ok, news := s.excess.lets(r, len(s.buf), time.Now())
		line := string(s.buf)
		s.buf = s.buf[:0]
		for _, text := range news {
			s.buf = h.appendLine(s.buf, slog.Record{Level: slog.LevelWarn, Message: text})
		}
		if ok {
			s.buf = append(s.buf, line...)
		}
	}
	_, err := s.w.Write(s.buf)
	return err
}

func (h *handler) appendLine(b []byte, r slog.Record) []byte {
	cfg := h.live.cfg.Load()
	if !cfg.NoTime {
		layout := "2006-01-02T15:04:05Z "
		if cfg.Micros {
			layout = "2006-01-02T15:04:05.000000Z "
		}
		b = h.now().UTC().AppendFormat(b, layout)
	}
	if cfg.Thread != "" {
		b = append(b, "["+cfg.Thread+"] "...)
	}
	if cfg.Source && r.PC != 0 {
		frame, _ := runtime.CallersFrames([]uintptr{r.PC}).Next()
		b = fmt.Appendf(b, "[%s:%d] [%s] ", filepath.Base(frame.File), frame.Line, frame.Function[strings.LastIndexByte(frame.Function, '.')+1:])
	}
	b = append(b, h.tag(r.Level)...)
	b = appendEscaped(b, strings.TrimSuffix(r.Message, "\n"))
	b = append(b, h.suffix...)
	r.Attrs(func(a slog.Attr) bool {
		b = appendEscaped(b, " "+a.Key+"="+a.Value.String())
		return true
	})
	return append(b, '\n')
}

// tag is what stands before a message: the category of debug lines, the level
// of lines that are not plain information.
func (h *handler) tag(level slog.Level) string {
	name := ""
	switch {
	case level >= slog.LevelError:
		name = "error"
	case level >= slog.LevelWarn:
		name = "warning"
	case level >= slog.LevelInfo:
		return ""
	case level < slog.LevelDebug:
		name = "trace"
	}
	switch {
	case h.category == "" || h.category == "all":
		if name == "" {
			return ""
		}
		return "[" + name + "] "
	case name == "":
		return "[" + h.category + "] "
	}
	return "[" + h.category + ":" + name + "] "
}

// appendEscaped keeps a message on its line: control characters, which may
// come from a peer, are shown as \xNN.
func appendEscaped(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' && c != '\n' || c == 0x7f {
			b = fmt.Appendf(b, "\\x%02x", c)
		} else {
			b = append(b, c)
		}
	}
	return b
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	for _, a := range attrs {
		switch a.Key {
		case CategoryKey:
			next.category = a.Value.String()
		case UnlimitedKey:
			next.unlimited = a.Value.Bool()
		default:
			next.suffix += " " + a.Key + "=" + a.Value.String()
		}
	}
	return &next
}

func (h *handler) WithGroup(string) slog.Handler { return h }
