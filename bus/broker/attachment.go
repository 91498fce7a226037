package broker

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/link"
)

// attachment is the broker's end of one link.
type attachment struct {
	broker *Broker
	id     Identity
	rights rights.Rights
	link   *link.Link
	since  time.Time
	number uint64 // of the link, counted from the first
	rank   int    // of the role, for counting
	share  int    // calls that links of the role may have waiting for one link

	routing
	announcement

	calls     pendingCalls
	allowance allowance

	made, served, drops, denials, refusals atomic.Uint64
}

// routing is what the goroutine that runs the link knows and has to do.
type routing struct {
	broken   error // why the broker closed the link
	seen     *directory
	routes   map[string]route
	topics   map[string]*audience
	unsent   []*link.Link // links that this goroutine has to flush
	head     []byte       // where headers are written
	batch    int64        // when the present batch arrived; 0 between batches
	tracing  bool         // -debug=ipc is on
	denied   denials
	draining bool
}

// announcement is what the link has said of itself, written under broker.mu.
type announcement struct {
	offered  []string
	meta     map[string][]byte
	welcomed bool
	volume   int // bytes of what it announced
}

func newAttachment(b *Broker, id Identity, rights rights.Rights, l *link.Link) *attachment {
	return &attachment{
		broker: b, id: id, rights: rights, link: l, since: time.Now(),
		routing: routing{routes: map[string]route{}, topics: map[string]*audience{}},
		calls:   newPendingCalls(b.cfg.Pending, len(b.ranks)), rank: b.ranks[id.Role], share: rights.Part(b.cfg.Pending),
		allowance: newAllowance(rights),
	}
}

// Receive routes one message of this link.
func (p *attachment) Receive(m *link.Message) {
	if p.broken != nil {
		return
	}
	defer p.contain()
	if p.batch == 0 {
		p.batch = now()
		p.tracing = p.broker.ipc.Enabled(context.Background(), slog.LevelDebug)
		p.refresh()
	}
	if err := p.dispatch(m); err != nil {
		p.breakLink(err)
	}
}

// contain turns a fault of ours that a message has found into the end of its
// link: the others sail on.
func (p *attachment) contain() {
	if fault := recover(); fault != nil {
		p.broker.cfg.Logger.Error(fmt.Sprintf("bus: internal fault while routing for %s: %v\n%s", p.id.Instance, fault, debug.Stack()))
		p.breakLink(fmt.Errorf("internal fault: %v", fault))
	}
}

// Idle sends what the messages that arrived together have led to.
func (p *attachment) Idle() {
	for i, l := range p.unsent {
		l.Flush()
		p.unsent[i] = nil
	}
	p.unsent = p.unsent[:0]
	p.batch = 0
	p.allowance.takeRest()
}

func (p *attachment) dispatch(m *link.Message) error {
	if m.Len() < 2 {
		return fmt.Errorf("message of %d frames", m.Len())
	}
	h, err := codec.DecodeHeader(m.Head())
	switch {
	case err != nil:
		return err
	case h.Kind == codec.Hello:
		return p.hello(m)
	case !p.welcomed:
		return fmt.Errorf("message of kind %d before hello", h.Kind)
	}
	if !p.pays(&h, m) && h.Kind == codec.Call {
		p.overrun(h.ID)
		return nil
	}
	return p.route(&h, m)
}

func (p *attachment) route(h *codec.View, m *link.Message) error {
	switch h.Kind {
	case codec.Call:
		return p.call(h, m)
	case codec.Reply, codec.Error:
		return p.reply(h, m)
	case codec.Item:
		return p.item(h, m)
	case codec.Credit:
		return p.credit(h)
	case codec.Cancel:
		p.cancel(h.ID)
	case codec.Publish:
		return p.publish(h, m)
	case codec.Subscribe:
		return p.subscribe(h, m)
	case codec.Unsubscribe:
		p.unsubscribe(h.ID)
	case codec.Drain:
		p.drain(h.ID)
	default:
		return fmt.Errorf("message of kind %d from a part", h.Kind)
	}
	return nil
}

// breakLink closes a link whose peer does not keep to the protocol.
func (p *attachment) breakLink(err error) {
	if p.broken == nil {
		p.broken = fmt.Errorf("%s broke the bus protocol: %w", p.id.Instance, err)
	}
	p.link.Close()
}

// owes notes that this goroutine has to flush a link.
func (p *attachment) owes(l *link.Link, mine bool) {
	if mine {
		p.unsent = append(p.unsent, l)
	}
}

// answer sends an error for a call that this link made. It may be called from
// any goroutine.
func (p *attachment) answer(id uint64, kind bus.Kind, text string) {
	p.tell(&codec.Header{Kind: codec.Error, ID: id, Fault: string(kind), Text: codec.ErrorText(text)}, emptyBody)
}

// tell sends what somebody at the other end of this link waits for. It may be
// called from any goroutine.
func (p *attachment) tell(h *codec.Header, body []byte) {
	head, err := codec.EncodeHeader(h)
	if err != nil {
		p.broker.cfg.Logger.Error(fmt.Sprintf("bus: message to %s: %v", p.id.Instance, err))
		p.link.Close()
		return
	}
	mine, err := p.link.Send(link.Reserved, head, body, nil)
	if mine {
		p.link.Flush()
	}
	p.outcome(err)
}

// pass forwards what somebody at the end of another link waits for.
func (p *attachment) pass(to *attachment, h *codec.Header, m *link.Message) error {
	var err error
	if p.head, err = codec.AppendHeader(p.head[:0], h); err != nil {
		return err
	}
	mine, err := to.link.Forward(link.Reserved, p.head, m)
	p.owes(to.link, mine)
	to.outcome(err)
	return nil
}

// outcome looks at how sending something that must arrive went. A link that
// has not read two queues full of those is beyond help.
func (p *attachment) outcome(err error) {
	if err == link.ErrFull {
		p.drops.Add(1)
		p.broker.cfg.Logger.Warn(fmt.Sprintf("bus: closing %s: it does not read its replies", p.id.Instance))
		p.link.Close()
	}
}

// abort tells everybody who waits for this link, or works for it, that it is
// gone.
func (p *attachment) abort() {
	p.Idle()
	served, made := p.calls.close()
	for _, c := range served {
		c.caller.calls.release(c.callerID, calledAt{p, c.id})
		c.method.fail()
		c.caller.answer(c.callerID, bus.KindGone, p.id.Instance+" ended during the call")
	}
	for _, at := range made {
		at.callee.abandon(at.id)
	}
	p.denied.report(p)
	p.forget()
}

// forget drops what a link that has ended remembers. The directory that an idle
// link has seen last still knows links that have ended; if those kept the ones
// that they had seen, each would keep all that ended before it.
func (p *attachment) forget() { p.seen, p.routes, p.topics, p.unsent = nil, nil, nil, nil }
