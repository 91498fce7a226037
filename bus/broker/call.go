package broker

import (
	"fmt"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/link"
	"github.com/bulkheadnode/bulkhead/bus/msg"
)

// emptyBody is the encoding of bus.None: an empty CBOR map.
var emptyBody = []byte{0xa0}

// call routes a call that this link makes.
func (p *attachment) call(h *codec.View, m *link.Message) error {
	p.made.Add(1)
	if len(h.To) > maxName || len(h.Target) > maxName {
		return fmt.Errorf("method name of %d bytes", max(len(h.To), len(h.Target)))
	}
	r := p.routeTo(h.To)
	if !r.allowed {
		p.deny("call", string(h.To))
		p.answer(h.ID, bus.KindDenied, fmt.Sprintf("role %s may not call it", p.id.Role))
		return nil
	}
	if own := p.ownMethod(h.To); own != nil {
		return own(h.ID)
	}
	if r.group == nil {
		p.answer(h.ID, bus.KindNoService, "nobody offers it")
		return nil
	}
	callee := r.group.pick(h.Target)
	if callee == nil {
		p.answer(h.ID, bus.KindNoService, fmt.Sprintf("%s does not offer it", h.Target))
		return nil
	}
	return p.forward(callee, r.group.method, h, m)
}

// ownMethod returns how the broker itself serves a method, nil if it does not.
func (p *attachment) ownMethod(name []byte) func(id uint64) error {
	switch string(name) {
	case msg.Registry.Name():
		return p.answerRegistry
	case msg.BusStats.Name():
		return p.answerStats
	}
	return nil
}

func (p *attachment) forward(callee *attachment, method *method, h *codec.View, m *link.Message) error {
	call := pending{
		caller: p, callerID: h.ID, method: method, start: p.batch, trace: h.Trace,
		stream: h.Credit > 0, credit: min(h.Credit, maxCredit),
	}
	id, ok, ended := callee.calls.admit(call)
	switch {
	case ended:
		p.refuse(method, h.ID, bus.KindGone, callee.id.Instance+" has just ended")
		return nil
	case !ok:
		callee.drops.Add(1)
		p.refuse(method, h.ID, bus.KindOverloaded, fmt.Sprintf("%s has too many calls of role %s in flight", callee.id.Instance, p.id.Role))
		return nil
	}
	if ok, full := p.calls.remember(h.ID, calledAt{callee, id}); !ok {
		callee.calls.take(id)
		if full {
			p.refuse(method, h.ID, bus.KindOverloaded, "too many calls in flight")
			return nil
		}
		return fmt.Errorf("call id %d is in use", h.ID)
	}
	if !callee.calls.has(id) {
		// A server that guessed the id has answered before it was asked, or has
		// just ended: the caller has been told.
		p.calls.release(h.ID, calledAt{callee, id})
		return nil
	}
	return p.deliver(callee, id, method, h, m)
}

// deliver hands an admitted call over.
func (p *attachment) deliver(callee *attachment, id uint64, method *method, h *codec.View, m *link.Message) (err error) {
	out := codec.Header{
		Kind: codec.Call, ID: id, To: method.name, Deadline: h.Deadline, Trace: h.Trace,
		Credit: min(h.Credit, maxCredit),
		From:   p.id.Instance, Role: string(p.id.Role),
	}
	if p.head, err = codec.AppendHeader(p.head[:0], &out); err != nil {
		return err
	}
	if p.tracing {
		p.trace("request", id, callee, method.name, h.Trace, m.Size(), "")
	}
	mine, err := callee.link.Forward(link.Ordinary, p.head, m)
	p.owes(callee.link, mine)
	if err == nil {
		callee.served.Add(1)
		return nil
	}
	p.calls.forget(h.ID)
	// If the entry is gone, abort has answered already, perhaps before the
	// call was remembered.
	if _, mine := callee.calls.take(id); mine {
		callee.drops.Add(1)
		kind := bus.KindOverloaded
		if err == link.ErrClosed {
			kind = bus.KindGone
		}
		p.refuse(method, h.ID, kind, callee.id.Instance+": "+err.Error())
	}
	return nil
}

func (p *attachment) refuse(method *method, id uint64, kind bus.Kind, text string) {
	method.fail()
	p.answer(id, kind, text)
}

// reply routes what this link answers. A reply nobody waits for is dropped:
// its caller cancelled or is gone.
func (p *attachment) reply(h *codec.View, m *link.Message) error {
	call, ok := p.calls.take(h.ID)
	if !ok {
		return nil
	}
	call.caller.calls.release(call.callerID, calledAt{p, h.ID})
	took := time.Duration(p.batch - call.start)
	call.method.end(bus.Kind(h.Fault), took)
	if p.tracing {
		p.trace("reply", h.ID, call.caller, call.method.name, call.trace, m.Size(), fmt.Sprintf(" us=%d", took.Microseconds()))
	}
	out := codec.Header{Kind: h.Kind, ID: call.callerID}
	if h.Kind == codec.Error {
		out.Fault, out.Text = string(h.Fault), string(h.Text)
	}
	return p.pass(call.caller, &out, m)
}

// item routes one item of a stream.
func (p *attachment) item(h *codec.View, m *link.Message) error {
	call, ok, over := p.calls.spend(h.ID)
	if over {
		return fmt.Errorf("%s: an item of a stream without credit", call.method.name)
	}
	if !ok {
		return nil // its caller cancelled or is gone
	}
	return p.pass(call.caller, &codec.Header{Kind: codec.Item, ID: call.callerID}, m)
}

// credit routes what a stream's caller allows its server.
func (p *attachment) credit(h *codec.View) error {
	at, ok := p.calls.lookup(h.ID)
	if !ok {
		return nil // the stream has ended meanwhile
	}
	granted := at.callee.calls.grant(at.id, h.Credit)
	if granted == 0 {
		return nil
	}
	// What the server is told is what it is held to.
	head, err := codec.EncodeHeader(&codec.Header{Kind: codec.Credit, ID: at.id, Credit: granted})
	if err != nil {
		return err
	}
	mine, err := at.callee.link.Send(link.Ordinary, head, emptyBody, nil)
	p.owes(at.callee.link, mine)
	if err == link.ErrFull {
		p.starve(h.ID, at)
	}
	return nil
}

// starve ends a stream that this link opened and whose server cannot be told
// of new credit. A flood of credit must not cost the server its link.
func (p *attachment) starve(id uint64, at calledAt) {
	p.calls.release(id, at)
	if call, ok := at.callee.calls.take(at.id); ok {
		at.callee.drops.Add(1)
		at.callee.tell(&codec.Header{Kind: codec.Cancel, ID: at.id}, emptyBody)
		p.refuse(call.method, id, bus.KindOverloaded, at.callee.id.Instance+": "+link.ErrFull.Error())
	}
}

// cancel ends a call that this link made and no longer waits for.
func (p *attachment) cancel(id uint64) {
	if at, ok := p.calls.forget(id); ok {
		at.callee.abandon(at.id)
	}
}

// abandon tells this link that a call it serves is no longer waited for.
func (p *attachment) abandon(id uint64) {
	if call, ok := p.calls.take(id); ok {
		call.method.fail()
		p.tell(&codec.Header{Kind: codec.Cancel, ID: id}, emptyBody)
	}
}

func (p *attachment) trace(what string, id uint64, to *attachment, method string, trace uint64, size int, took string) {
	p.broker.ipc.Debug(fmt.Sprintf("%s id=%d trace=%016x from=%s to=%s method=%s bytes=%d%s",
		what, id, trace, p.id.Instance, to.id.Instance, method, size, took))
}
