package broker

import (
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/link"
	"github.com/bulkheadnode/bulkhead/bus/rights"
)

// longestRest is how long a link that sends too much is not read. Its peer's pings
// wait as long.
const longestRest = 250 * time.Millisecond

// allowance holds one link to the rates of its role. What is beyond is refused, if it
// is a call, and the link is not read for as long as that would have taken: a flood
// costs others no more than its first second. It belongs to the goroutine that runs
// the link.
type allowance struct {
	messages, bytes *rate.Limiter // nil for no bound
	rest            time.Duration
	told            int64 // when that was logged last, nanoseconds since the Unix epoch
}

func newAllowance(r rights.Rights) allowance {
	limiter := func(perSecond int) *rate.Limiter {
		if perSecond == 0 {
			return nil
		}
		return rate.NewLimiter(rate.Limit(perSecond), perSecond)
	}
	return allowance{messages: limiter(r.Messages), bytes: limiter(r.Bytes)}
}

// take reports whether a message is within the rates. One that is not makes the link
// rest.
func (a *allowance) take(at time.Time, size int) bool {
	return a.spend(a.messages, at, 1) && a.spend(a.bytes, at, size)
}

func (a *allowance) spend(l *rate.Limiter, at time.Time, n int) bool {
	if l == nil || l.AllowN(at, n) {
		return true
	}
	a.rest += time.Duration(float64(n) / float64(l.Limit()) * float64(time.Second))
	return false
}

// pays reports whether a message that the link sends of its own accord is within its
// rates. What answers others is always read.
func (p *attachment) pays(h *codec.View, m *link.Message) bool {
	switch h.Kind {
	case codec.Call, codec.Publish, codec.Subscribe, codec.Unsubscribe, codec.Credit, codec.Cancel:
		if p.allowance.take(time.Unix(0, p.batch), m.Size()) {
			return true
		}
	default:
		return true
	}
	refused := p.refusals.Add(1)
	if p.batch-p.allowance.told > int64(deniedWindow) && p.mayLog(p.batch, 1) {
		p.allowance.told = p.batch
		p.broker.cfg.Logger.Warn(fmt.Sprintf("bus: %s (role %s) sends more than %d messages or %d bytes a second; %d were too many so far",
			p.id.Instance, p.id.Role, p.rights.Messages, p.rights.Bytes, refused))
	}
	return false
}

// overrun refuses a call beyond the rates. Nothing else is lost: it comes late.
func (p *attachment) overrun(id uint64) {
	p.answer(id, bus.KindOverloaded, fmt.Sprintf("role %s may send %d messages and %d bytes a second", p.id.Role, p.rights.Messages, p.rights.Bytes))
}

// takeRest does not read a link that has sent too much for a while.
func (a *allowance) takeRest() {
	time.Sleep(min(a.rest, longestRest))
	a.rest = 0
}
