package p2pworker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
	"golang.org/x/sync/errgroup"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/session"
	"github.com/bulkheadnode/bulkhead/p2pworker/transport"
)

// tickInterval is the least pause between two ticks of a session.
const tickInterval = 100 * time.Millisecond

// errEnded ends the goroutines of a connection in order.
var errEnded = errors.New("the connection has ended")

// peer is one connection and its session.
type peer struct {
	w       *worker
	id      int64
	open    p2p.OpenPeerReply
	remote  p2p.Endpoint
	local   p2p.Endpoint
	opened  time.Time
	link    *transport.Conn
	valve   *valve
	mail    mailbox
	replies chan session.Reply

	failure error // that ended it; of the goroutine that serves it

	mu    sync.Mutex
	s     *session.Session
	end   *session.Disconnect
	ready bool
}

// serve lives a connection from its admission to its end. Of one that was accepted,
// the order has no number. It reports whether the manager admitted it.
func (w *worker) serve(ctx context.Context, nc net.Conn, order p2p.DialOrder) bool {
	defer nc.Close()
	stop := closeLater(ctx, nc)
	defer stop()
	p := w.admitted(ctx, nc, order)
	if p == nil {
		return false
	}
	defer p.valve.close()
	if w.settle(p) {
		p.run(ctx)
	}
	w.remove(p)
	p.sayGoodbye(ctx)
	return true
}

// settle gives a process that has one connection over to it. It reports whether the
// connection may live.
func (w *worker) settle(p *peer) bool {
	if w.cfg.Capacity != 1 {
		return true
	}
	w.env.SetTitle(fmt.Sprintf("worker: peer=%d %s %s", p.id, p.open.Kind, p.remote))
	if w.client != nil {
		w.client.Close()
	}
	if err := w.env.SealUp(); err != nil {
		w.log("", fmt.Sprintf("disconnecting peer=%d: %v", p.id, err))
		return false
	}
	return true
}

// admitted returns a connection among the worker's, or nil if it may not live.
func (w *worker) admitted(ctx context.Context, nc net.Conn, order p2p.DialOrder) *peer {
	remote, local := endpoint(nc.RemoteAddr()), endpoint(nc.LocalAddr())
	a, err := w.admit(ctx, p2p.OpenPeerRequest{Dial: order.ID, Remote: remote.String(), Local: local.String()})
	if err != nil {
		return nil
	}
	defer a.close()
	if a.reply.Refused != "" {
		return nil
	}
	gate := newValve(ctx, a.reply.Peer, a.reply.Meter, w.leaseTraffic)
	p := &peer{
		w: w, id: a.reply.Peer, open: a.reply, remote: remote, local: local, opened: w.env.Clock.Now(),
		link: transport.New(nc, w.framing(order, gate)), valve: gate,
		mail:    mailbox{wake: make(chan struct{}, 1)},
		replies: make(chan session.Reply),
	}
	p.s = session.New(p.sessionConfig())
	if !a.enter(p) {
		gate.close()
		w.log("net", fmt.Sprintf("connection with %s dropped: admitted by a manager that is gone", remote))
		// Or by the one that we have registered with since: it is not to wait for it.
		ctx, cancel := context.WithTimeout(ctx, farewell)
		defer cancel()
		_, _ = msg.ClosePeer.Call(ctx, w.conn, p2p.ClosePeerRequest{Peer: a.reply.Peer})
		return nil
	}
	return p
}

func (w *worker) framing(order p2p.DialOrder, gate *valve) transport.Config {
	return transport.Config{
		Net: w.cfg.Net, Now: w.env.Clock.Now, Outbound: order.ID != 0, V2: order.V2 && w.cfg.speaksV2(), Gate: gate,
		HandshakeSent: func() { w.log("net", fmt.Sprintf("start sending v2 handshake to peer=%d", gate.id)) },
	}
}

func endpoint(a net.Addr) p2p.Endpoint {
	switch a := a.(type) {
	case *net.TCPAddr:
		return p2p.EndpointOf(a.AddrPort())
	case remoteEnd:
		return p2p.Endpoint(a)
	}
	return p2p.Endpoint{}
}

func (p *peer) sessionConfig() session.Config {
	w := p.w
	w.mu.Lock()
	key, tip := w.nonceKey, w.tip
	w.mu.Unlock()
	cfg := session.Config{
		Peer: p.id, Type: p.open.Kind, Address: p.remote.String(),
		Local:       p.remote.Host.IsLocal() || p.remote.Host == p2p.HostOf(netip.IPv6Unspecified()),
		Permissions: p.open.Permissions,
		Services:    p.services(), UserAgent: w.cfg.UserAgent, RemoteServices: w.cfg.DesiredServices,
		Listening: p.open.Listening, UploadLimited: p.open.UploadLimited, BlocksOnly: w.cfg.BlocksOnly, Reconciles: w.cfg.Reconciles, LogIPs: w.cfg.LogIPs, PeerTimeout: w.cfg.PeerTimeout,
		Nonce:      w.nonceFor(p.open.Kind, key),
		IsOwnNonce: func(n uint64) bool { return isOurNonce(key, n, time.Now()) },
		Random:     w.random.Uint64, Tip: tip, LogEnabled: w.logEnabled,
		MinRelayFeeRate: w.cfg.MinRelayFeeRate,
		Transport:       func() string { return string(p.link.Session().Protocol) },
		HeldUp:          p.valve.heldUp,
		Steady:          time.Now,
	}
	if end, isIP := p.remote.AddrPort(); isIP && p.remote.Host.Routable() {
		cfg.Remote = end
	}
	return cfg
}

// services are what the peer is told of and served.
func (p *peer) services() wire.ServiceFlag {
	if p.open.Services != 0 {
		return p.open.Services
	}
	return p.w.cfg.Services
}

// run drives the connection until it ends and joins its goroutines.
func (p *peer) run(ctx context.Context) {
	group, ctx := errgroup.WithContext(ctx)
	stop := context.AfterFunc(ctx, func() {
		p.valve.close()
		p.link.Close()
	})
	defer stop()
	messages := make(chan transport.Message)
	group.Go(func() error { return p.link.Run(ctx) })
	group.Go(func() error { return p.read(ctx, messages) })
	group.Go(func() error { return p.drive(ctx, group, messages) })
	// Whatever ended it, the reason has been logged where it arose.
	p.failure = group.Wait()
}

// read delivers messages one by one: who does not take them stops the reading.
func (p *peer) read(ctx context.Context, messages chan<- transport.Message) error {
	for {
		m, err := p.link.Receive()
		var bad *transport.FrameError
		switch {
		case errors.As(err, &bad):
			p.w.log("net", fmt.Sprintf("%s, peer=%d", bad, p.id))
			if bad.Fatal {
				p.mail.put(session.Kick{Code: p2p.BadFraming})
				return nil
			}
			continue
		case err != nil:
			p.mail.put(session.Kick{Code: p2p.EndedByPeer, Reason: "socket closed"})
			return nil
		}
		p.capture(ctx, true, m.Type, m.Payload)
		select {
		case messages <- m:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// drive is the one goroutine that runs the session.
func (p *peer) drive(ctx context.Context, group *errgroup.Group, messages <-chan transport.Message) error {
	alarm := newAlarm(p.w.env.Clock)
	defer alarm.stop()
	if err := p.step(ctx, group, session.Opened{}); err != nil {
		return err
	}
	for {
		var inbox <-chan transport.Message
		replies := p.replies
		if p.link.Congested() {
			replies = nil // what they cause to be sent would find no room
		} else if !p.s.Full() {
			inbox = messages
		}
		var err error
		changed := alarm.set(p.s)
		select {
		case m := <-inbox:
			in := session.Message{Type: m.Type, Payload: m.Payload, ReceivedAt: p.w.env.Clock.Now()}
			err = p.step(ctx, group, in)
		case r := <-replies:
			err = p.step(ctx, group, r)
		case <-p.mail.wake:
			for _, in := range p.mail.take() {
				if m, ok := in.(p2p.Meter); ok {
					p.valve.set(m)
				} else if err == nil {
					err = p.step(ctx, group, in)
				}
			}
		case <-changed:
			err = p.tick(ctx, group, alarm)
		case <-alarm.timer.C:
			err = p.tick(ctx, group, alarm)
		case <-p.link.Drained():
		case <-ctx.Done():
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}

func (p *peer) tick(ctx context.Context, group *errgroup.Group, a *alarm) error {
	a.rang()
	sent, received := p.link.LastTraffic()
	return p.step(ctx, group, session.Tick{LastSend: unixNano(sent), LastReceive: unixNano(received)})
}

func unixNano(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}

// step runs the session once and carries out its effects.
func (p *peer) step(ctx context.Context, group *errgroup.Group, in session.Input) error {
	p.mu.Lock()
	effects := p.s.Step(p.w.env.Clock.Now(), in)
	p.mu.Unlock()
	p.link.ReadFirst(p.s.AwaitsTip())
	for _, e := range effects {
		switch e := e.(type) {
		case session.Log:
			p.w.log(e.Category, e.Text)
		case session.Send:
			p.capture(ctx, false, e.Type, e.Payload)
			send := p.link.Send
			if e.First {
				send = p.link.SendFirst
			}
			if err := send(e.Type, e.Payload); err != nil {
				return err
			}
		case session.Request:
			group.Go(func() error { return p.perform(ctx, e) })
		case session.Ready:
			p.mu.Lock()
			p.ready = true
			p.mu.Unlock()
		case session.Disconnect:
			p.mu.Lock()
			p.end = &e
			p.mu.Unlock()
			return errEnded
		}
	}
	return nil
}

// perform makes the calls of one request and hands the reply to the session.
func (p *peer) perform(ctx context.Context, r session.Request) error {
	body, err := p.w.call(ctx, r)
	select {
	case p.replies <- session.Reply{ID: r.ID, Body: body, Err: err}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// endedBy is why the connection ended, if not by the session's word by what failed
// first.
func (p *peer) endedBy(refusedV2 bool) p2p.DisconnectReason {
	switch {
	case refusedV2:
		return p2p.RefusedEncryption
	case p.end != nil:
		return p.end.Code
	case errors.Is(p.failure, transport.ErrQueueFull), errors.Is(p.failure, transport.ErrTooLarge):
		return p2p.SendQueueFull
	case p.failure == nil:
		return p2p.WorkerFailed // it was not even begun
	}
	return p2p.EndedByNetwork
}

// sayGoodbye gives back what the node leased, and tells the manager.
func (p *peer) sayGoodbye(ctx context.Context) {
	w := p.w
	w.log("net", fmt.Sprintf("Cleared nodestate for peer=%d", p.id))
	if ctx.Err() != nil {
		return // we leave, too: the end of our link says it all
	}
	ctx, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	req := p2p.ClosePeerRequest{Peer: p.id, Report: p.report(), RefusedV2: p.link.RefusesV2()}
	req.Code = p.endedBy(req.RefusedV2)
	if p.end != nil {
		req.Reason, req.Discourage = p.end.Reason, p.end.Discourage
	}
	// Both may be away, or the node have no room for a call, and neither is to wait for
	// the other: the node forgets the peer with our link at the latest, and the manager
	// learns of it when we register.
	var released sync.WaitGroup
	released.Go(func() {
		_, _ = persist(ctx, func(ctx context.Context) (p2p.Done, error) {
			return msg.Of(p2p.ReleasePeer).Call(ctx, w.conn, p2p.ReleaseRequest{Peer: p.id})
		})
	})
	_, _ = persist(ctx, func(ctx context.Context) (bus.None, error) {
		return msg.ClosePeer.Call(ctx, w.conn, req)
	})
	released.Wait()
}
