package link

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/bulkheadnode/bulkhead/internal/zmtp"
)

// pulse pings a silent peer. It costs a timer, not a goroutine, while nothing
// happens.
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
	next, silence := p.link.limits.Heartbeat, p.silence()
	if silence >= next {
		p.link.command(zmtp.Ping())
	} else {
		next -= silence
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

// pong answers a PING; nil for any other command.
func pong(body []byte) []byte {
	name, data, ok := zmtp.SplitCommand(body)
	if !ok || string(name) != zmtp.NamePing {
		return nil
	}
	answer, err := zmtp.Pong(data)
	if err != nil {
		return nil
	}
	return answer
}
