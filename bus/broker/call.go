package broker

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/link"
	"github.com/bulkheadnode/bulkhead/bus/msg"
)

// emptyBody is the encoding of bus.None: an empty CBOR map.
var emptyBody = []byte{0xa0}

// call routes a call that this link makes.
func (p *port) call(h codec.Header, m link.Message) {
	p.made.Add(1)
	if !allows(p.rights.Call, p.id.Instance, h.To) {
		p.deny("call", h.To)
		p.answer(h.ID, h.To, bus.KindDenied, fmt.Sprintf("role %s may not call it", p.id.Role))
		return
	}
	if h.To == msg.Registry.Name() {
		p.answerRegistry(h.ID)
		return
	}
	callee := p.broker.serverOf(h.To, h.Target)
	if callee == nil {
		text := "nobody offers it"
		if h.Target != "" {
			text = h.Target + " does not offer it"
		}
		p.answer(h.ID, h.To, bus.KindNoService, text)
		return
	}
	p.forward(callee, h, m)
}

func (p *port) forward(callee *port, h codec.Header, m link.Message) {
	id := p.broker.nextID.Add(1)
	size := messageSize(m)
	call := pendingCall{caller: p, callerID: h.ID, method: h.To, start: time.Now(), size: size}
	if kind, text := callee.admit(id, call); kind != "" {
		p.answer(h.ID, h.To, kind, text)
		return
	}
	if !p.rememberCall(h.ID, calledAt{callee, id}) {
		callee.takePending(id)
		p.breakLink(fmt.Errorf("call id %d is in use", h.ID))
		return
	}
	callerID := h.ID
	h.ID, h.From, h.Role, h.Target = id, p.id.Instance, string(p.id.Role), ""
	head, err := codec.EncodeHeader(&h)
	if err == nil {
		p.trace("request", id, p, callee, h.To, size, 0)
		err = callee.link.Send(append(link.Message{head}, m[1:]...))
	}
	if err == nil {
		callee.served.Add(1)
		return
	}
	p.forgetCall(callerID)
	// If the entry is gone, settle has answered already, perhaps before the
	// call was remembered.
	if _, mine := callee.takePending(id); mine {
		callee.drops.Add(1)
		kind := bus.KindOverloaded
		if err == link.ErrClosed {
			kind = bus.KindGone
		}
		p.answer(callerID, h.To, kind, callee.id.Instance+": "+err.Error())
	}
}

// admit enters a call to this link, or says why not.
func (p *port) admit(id uint64, call pendingCall) (bus.Kind, string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.settled {
		return bus.KindGone, p.id.Instance + " has just ended"
	}
	if len(p.pending) >= p.broker.cfg.Pending {
		p.drops.Add(1)
		return bus.KindOverloaded, p.id.Instance + " has too many calls in flight"
	}
	p.pending[id] = call
	return "", ""
}

func (p *port) takePending(id uint64) (pendingCall, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	call, ok := p.pending[id]
	delete(p.pending, id)
	return call, ok
}

func (p *port) rememberCall(id uint64, at calledAt) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, used := p.calls[id]; used || p.settled {
		return false
	}
	p.calls[id] = at
	return true
}

func (p *port) forgetCall(id uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.calls, id)
}

// reply routes what this link answers. A reply nobody waits for is dropped:
// its caller cancelled or is gone.
func (p *port) reply(h codec.Header, m link.Message) {
	call, ok := p.takePending(h.ID)
	if !ok {
		return
	}
	call.caller.forgetCall(call.callerID)
	p.trace("reply", h.ID, p, call.caller, call.method, messageSize(m), time.Since(call.start))
	h.ID, h.To, h.From = call.callerID, call.method, p.id.Instance
	head, err := codec.EncodeHeader(&h)
	if err != nil {
		p.breakLink(err)
		return
	}
	call.caller.deliver(append(link.Message{head}, m[1:]...))
}

// cancel ends a call that this link made and no longer waits for.
func (p *port) cancel(id uint64) {
	p.mu.Lock()
	at, ok := p.calls[id]
	delete(p.calls, id)
	p.mu.Unlock()
	if ok {
		at.callee.cancelPending(at.calleeID)
	}
}

func (p *port) cancelPending(id uint64) {
	if _, ok := p.takePending(id); !ok {
		return
	}
	head, err := codec.EncodeHeader(&codec.Header{Kind: codec.Cancel, ID: id})
	if err == nil {
		p.deliver(link.Message{head, emptyBody})
	}
}

func (p *port) deny(what, name string) {
	p.denials.Add(1)
	p.broker.cfg.Logger.Warn(fmt.Sprintf("bus: %s (role %s) may not %s %s", p.id.Instance, p.id.Role, what, name))
}

func (p *port) trace(what string, id uint64, from, to *port, method string, size int, took time.Duration) {
	if !p.broker.ipc.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	line := fmt.Sprintf("%s id=%d from=%s to=%s method=%s bytes=%d", what, id, from.id.Instance, to.id.Instance, method, size)
	if what == "reply" {
		line += fmt.Sprintf(" us=%d", took.Microseconds())
	}
	p.broker.ipc.Debug(line)
}

func messageSize(m link.Message) int {
	n := 0
	for _, frame := range m {
		n += len(frame)
	}
	return n
}
