package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"github.com/bulkheadnode/bulkhead/bus/rights"

	"golang.org/x/sync/errgroup"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/broker"
	"github.com/bulkheadnode/bulkhead/bus/link"
)

// blob is a body as the parts of the node send them: a struct in CBOR.
type blob struct {
	Body []byte `cbor:"1,keyasint"`
}

// parcel carries its body beside the CBOR.
type parcel struct {
	bus.Frames
}

const (
	echoBlob   bus.Method[blob, blob]     = "bench.echo"
	echoParcel bus.Method[parcel, parcel] = "bench.echoparcel"
)

func bulkhead() system {
	return system{
		name: "bulkhead", goBroker: true, manyLinks: true, stall: true,
		broker: bulkheadBroker, server: bulkheadServer, client: bulkheadClient, events: bulkheadEvents,
	}
}

// rightsOf are those of the measured processes; a role is also the name of
// the socket at which the broker takes it.
func rightsOf() rights.Table {
	return rights.Table{
		roleServer:     {Offer: []string{"bench.*"}},
		roleClient:     {Call: []string{"bench.*"}},
		rolePublisher:  {Publish: []string{topicEvent}, Hear: []string{topicAck}},
		roleSubscriber: {Publish: []string{topicAck}, Hear: []string{topicEvent}},
	}
}

func socketOf(s spec, role string) string { return filepath.Join(s.Dir, role+".sock") }

func newBroker(s spec) (*broker.Broker, *slog.Logger) {
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	return broker.New(broker.Config{
		Table: rightsOf(), Logger: logger, Limits: link.Limits{QueueBytes: s.QueueBytes},
	}), logger
}

func bulkheadBroker(ctx context.Context, s spec, ready func()) error {
	b, logger := newBroker(s)
	group, ctx := errgroup.WithContext(ctx)
	for role := range rightsOf() {
		listener, err := net.Listen("unix", socketOf(s, string(role)))
		if err != nil {
			return err
		}
		stop := context.AfterFunc(ctx, func() { listener.Close() })
		defer stop()
		group.Go(func() error { return acceptLinks(ctx, group, listener, b, role, logger) })
	}
	ready()
	return group.Wait()
}

func acceptLinks(ctx context.Context, group *errgroup.Group, listener net.Listener, b *broker.Broker, role rights.Role, logger *slog.Logger) error {
	for n := 1; ; n++ {
		nc, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		} else if err != nil {
			return err
		}
		id := broker.Identity{Role: role, Instance: fmt.Sprintf("%s.%d", role, n)}
		group.Go(func() error {
			if err := b.Serve(ctx, nc, id); err != nil && ctx.Err() == nil {
				logger.Warn(fmt.Sprintf("%s: %v", id.Instance, err))
			}
			return nil
		})
	}
}

// busLink is a running connection to the broker.
type busLink struct {
	conn  *bus.Conn
	stop  context.CancelFunc
	ended chan error
}

func dialBus(ctx context.Context, s spec, role string, mux *bus.Mux) (*busLink, error) {
	nc, err := net.Dial("unix", socketOf(s, role))
	if err != nil {
		return nil, err
	}
	return attachBus(ctx, nc, mux)
}

// attachBus returns when the broker has welcomed the link.
func attachBus(ctx context.Context, nc net.Conn, mux *bus.Mux) (*busLink, error) {
	run, stop := context.WithCancel(ctx)
	l := &busLink{conn: bus.New(nc, bus.Config{Mux: mux}), stop: stop, ended: make(chan error, 1)}
	go func() { l.ended <- l.conn.Run(run) }() // joined by close
	select {
	case <-l.conn.Ready():
		return l, nil
	case err := <-l.ended:
		stop()
		return nil, errors.Join(errors.New("the broker did not welcome the link"), err)
	}
}

func (l *busLink) close() error {
	l.stop()
	return <-l.ended
}

// wait returns when the link ends, which is an error before ctx does.
func (l *busLink) wait(ctx context.Context) error {
	defer l.stop()
	err := <-l.ended
	if ctx.Err() != nil {
		return nil
	}
	return errors.Join(errors.New("the broker closed the link"), err)
}

func echoMux() *bus.Mux {
	mux := bus.NewMux()
	echoBlob.Handle(mux, func(_ context.Context, b blob) (blob, error) { return b, nil })
	echoParcel.Handle(mux, func(_ context.Context, p parcel) (parcel, error) { return p, nil })
	return mux
}

func bulkheadServer(ctx context.Context, s spec, ready func()) error {
	l, err := dialBus(ctx, s, roleServer, echoMux())
	if err != nil {
		return err
	}
	ready()
	return l.wait(ctx)
}

// busClient is a client over a bus link.
type busClient struct{ *busLink }

func bulkheadClient(ctx context.Context, s spec) (client, error) {
	l, err := dialBus(ctx, s, roleClient, nil)
	return busClient{l}, err
}

func (c busClient) load(ctx context.Context, l load) (timing, error) {
	body := newBody(l.bytes())
	if l.Large {
		return callers(ctx, l, func(ctx context.Context) error {
			rep, err := echoParcel.Call(ctx, c.conn, parcel{bus.Frames{Attached: [][]byte{body}}})
			if err != nil {
				return err
			}
			if len(rep.Attached) != 1 {
				return fmt.Errorf("a reply has %d attachments", len(rep.Attached))
			}
			return sameBody(body, rep.Attached[0])
		})
	}
	return callers(ctx, l, func(ctx context.Context) error {
		rep, err := echoBlob.Call(ctx, c.conn, blob{Body: body})
		if err != nil {
			return err
		}
		return sameBody(body, rep.Body)
	})
}

// busEvents publishes and hears over a bus link.
type busEvents struct{ *busLink }

func bulkheadEvents(ctx context.Context, s spec) (events, error) {
	role := roleSubscriber
	if s.Role == rolePublisher {
		role = rolePublisher
	}
	l, err := dialBus(ctx, s, role, nil)
	return busEvents{l}, err
}

func (e busEvents) publish(ctx context.Context, topic string, body []byte) error {
	return bus.Topic[blob](topic).Publish(ctx, e.conn, blob{Body: body})
}

func (e busEvents) listen(ctx context.Context, topic string, subscribed func(), heard func([]byte) error) error {
	sub, err := e.conn.Subscribe(ctx, topic)
	if err != nil {
		return err
	}
	defer sub.Close()
	subscribed()
	return sub.Each(ctx, func(ev bus.Event) error {
		event, err := bus.Topic[blob](topic).Decode(ev)
		if err != nil {
			return err
		}
		return heard(event.Body)
	})
}
