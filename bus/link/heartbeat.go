package link

import (
	"bytes"
	"sync"
	"sync/atomic"
	"time"
)

// pulse pings a silent peer and ends the link of one that stays silent. It
// costs a timer, not a goroutine, while nothing happens.
type pulse struct {
	link  *Link
	heard atomic.Int64 // when something arrived last, nanoseconds since begun
	begun time.Time

	mu    sync.Mutex
	timer *time.Timer
	ended bool
}

func (p *pulse) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.link.limits.Heartbeat > 0 {
		p.timer = time.AfterFunc(p.link.limits.Heartbeat, p.beat)
	}
}

func (p *pulse) touch() { p.heard.Store(int64(time.Since(p.begun))) }

// silence is how long the peer has sent nothing.
func (p *pulse) silence() time.Duration {
	return time.Since(p.begun) - time.Duration(p.heard.Load())
}

func (p *pulse) beat() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return
	}
	limits, silence := p.link.limits, p.silence()
	if limits.Silence > 0 && silence >= limits.Silence {
		p.link.fail(&SilenceError{For: silence})
		return
	}
	next := limits.Heartbeat
	if silence >= limits.Heartbeat {
		p.link.command(ping())
	} else {
		next -= silence
	}
	if limits.Silence > 0 {
		next = min(next, max(limits.Silence-silence, time.Millisecond))
	}
	p.timer.Reset(next)
}

func (p *pulse) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	if p.timer != nil {
		p.timer.Stop()
	}
}

// maxPingContext is what a PING may carry (RFC 37: ZMTP 3.1, "Heartbeating").
const maxPingContext = 16

// ping is a PING without a time to live or a context.
func ping() []byte { return []byte("\x04PING\x00\x00") }

// pong answers a PING (name, 2 bytes of time to live, context) with its
// context; nil for any other command.
func pong(body []byte) []byte {
	prefix := []byte("\x04PING")
	if !bytes.HasPrefix(body, prefix) || len(body) < len(prefix)+2 || len(body) > len(prefix)+2+maxPingContext {
		return nil
	}
	return append([]byte("\x04PONG"), body[len(prefix)+2:]...)
}
