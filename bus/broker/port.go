package broker

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/link"
)

// port is the broker's end of one link.
type port struct {
	broker *Broker
	id     Identity
	rights Rights
	link   *link.Link
	since  time.Time
	broken error // why the broker closed the link; written and read by the goroutine of Serve

	// Written under broker.mu, once, by the Hello.
	offered  []string
	meta     map[string][]byte
	welcomed bool

	mu      sync.Mutex
	settled bool
	pending map[uint64]pendingCall // calls routed to this link, by our id
	calls   map[uint64]calledAt    // calls this link made, by its id

	made, served, drops, denials atomic.Uint64
}

// pendingCall is a call that waits for its reply.
type pendingCall struct {
	caller   *port
	callerID uint64
	method   string
	start    time.Time
	size     int
}

// calledAt is where a call went.
type calledAt struct {
	callee   *port
	calleeID uint64
}

func (p *port) stats() LinkStats {
	return LinkStats{
		Identity: p.id, Stats: p.link.Stats(), Since: p.since,
		Calls: p.made.Load(), Served: p.served.Load(),
		Drops: p.drops.Load(), Denials: p.denials.Load(),
	}
}

// receive routes one message of this link.
func (p *port) receive(msg link.Message) {
	if len(msg) < 2 {
		p.breakLink(fmt.Errorf("message of %d frames", len(msg)))
		return
	}
	h, err := codec.DecodeHeader(msg[0])
	if err != nil {
		p.breakLink(err)
		return
	}
	switch {
	case h.Kind == codec.Hello:
		err = p.hello(msg[1])
	case !p.welcomed:
		err = fmt.Errorf("message of kind %d before hello", h.Kind)
	default:
		err = p.route(h, msg)
	}
	if err != nil {
		p.breakLink(err)
	}
}

func (p *port) route(h codec.Header, msg link.Message) error {
	switch h.Kind {
	case codec.Call:
		p.call(h, msg)
	case codec.Reply, codec.Error:
		p.reply(h, msg)
	case codec.Cancel:
		p.cancel(h.ID)
	case codec.Publish:
		p.publish(h, msg)
	case codec.Subscribe:
		return p.subscribe(h, msg[1])
	case codec.Unsubscribe:
		p.broker.unsubscribe(p, h.ID)
	default:
		return fmt.Errorf("message of kind %d from a part", h.Kind)
	}
	return nil
}

// breakLink closes a link whose peer does not keep to the protocol.
func (p *port) breakLink(err error) {
	if p.broken == nil {
		p.broken = fmt.Errorf("%s broke the bus protocol: %w", p.id.Instance, err)
	}
	p.link.Close()
}

// answer sends an error for the call id that this link made.
func (p *port) answer(id uint64, method string, kind bus.Kind, text string) {
	head, err := codec.EncodeHeader(&codec.Header{
		Kind: codec.Error, ID: id, To: method, Fault: string(kind), Text: text,
	})
	if err != nil {
		p.broker.cfg.Logger.Error(fmt.Sprintf("bus: error reply to %s: %v", p.id.Instance, err))
		p.link.Close()
		return
	}
	p.deliver(link.Message{head, emptyBody})
}

// deliver sends what somebody waits for. A link that has not read two queues
// full of those is beyond help.
func (p *port) deliver(msg link.Message) {
	if err := p.link.SendReserved(msg); err == link.ErrFull {
		p.drops.Add(1)
		p.broker.cfg.Logger.Warn(fmt.Sprintf("bus: closing %s: it does not read its replies", p.id.Instance))
		p.link.Close()
	}
}

// settle tells everybody who waits for this link, or works for it, that it is
// gone.
func (p *port) settle() {
	p.mu.Lock()
	p.settled = true
	pending, calls := p.pending, p.calls
	p.pending, p.calls = nil, nil
	p.mu.Unlock()
	for _, c := range pending {
		c.caller.forgetCall(c.callerID)
		c.caller.answer(c.callerID, c.method, bus.KindGone, p.id.Instance+" ended during the call")
	}
	for _, at := range calls {
		at.callee.cancelPending(at.calleeID)
	}
}
