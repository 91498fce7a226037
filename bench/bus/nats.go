package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	natsclient "github.com/nats-io/nats.go"
)

const (
	natsMaxPending = 256 << 20 // as generous as the windows and the calls in flight could ever need
	natsEcho       = "bench.echo"
)

func nats() system {
	return system{
		name: "nats", note: "TCP over loopback, as nats-server has no unix sockets; nats-server in a process of its own",
		goBroker: true, manyLinks: true,
		broker: natsBroker, server: natsServe, client: natsClient, events: natsEvents,
	}
}

// natsAddress is the file in which the server leaves its URL.
func natsAddress(s spec) string { return filepath.Join(s.Dir, "nats.url") }

func natsBroker(ctx context.Context, s spec, ready func()) error {
	srv, err := natsserver.NewServer(&natsserver.Options{
		Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, NoLog: true, NoSigs: true,
		MaxPayload: 8 << 20, MaxPending: natsMaxPending,
	})
	if err != nil {
		return err
	}
	srv.Start()
	defer srv.WaitForShutdown()
	defer srv.Shutdown()
	if !srv.ReadyForConnections(patience) {
		return errors.New("nats-server does not take connections")
	}
	if err := os.WriteFile(natsAddress(s), []byte(srv.ClientURL()), 0o600); err != nil {
		return err
	}
	ready()
	<-ctx.Done()
	return nil
}

func natsDial(s spec) (*natsclient.Conn, error) {
	url, err := os.ReadFile(natsAddress(s))
	if err != nil {
		return nil, err
	}
	return natsclient.Connect(string(url), natsclient.NoReconnect())
}

func natsServe(ctx context.Context, s spec, ready func()) error {
	nc, err := natsDial(s)
	if err != nil {
		return err
	}
	defer nc.Close()
	failed := make(chan error, 1)
	_, err = nc.Subscribe(natsEcho, func(m *natsclient.Msg) {
		if err := m.Respond(m.Data); err != nil {
			select {
			case failed <- err:
			default:
			}
		}
	})
	if err != nil {
		return err
	}
	if err := nc.Flush(); err != nil {
		return err
	}
	ready()
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// natsLink is a connection to nats-server.
type natsLink struct{ nc *natsclient.Conn }

func natsClient(_ context.Context, s spec) (client, error) {
	nc, err := natsDial(s)
	return natsLink{nc}, err
}

func natsEvents(_ context.Context, s spec) (events, error) {
	nc, err := natsDial(s)
	return natsLink{nc}, err
}

func (n natsLink) close() error {
	n.nc.Close()
	return nil
}

func (n natsLink) load(ctx context.Context, l load) (timing, error) {
	body := newBody(l.bytes())
	return callers(ctx, l, func(context.Context) error {
		rep, err := n.nc.Request(natsEcho, body, patience)
		if err != nil {
			return err
		}
		return sameBody(body, rep.Data)
	})
}

func (n natsLink) publish(_ context.Context, topic string, body []byte) error {
	return n.nc.Publish(topic, body)
}

func (n natsLink) listen(ctx context.Context, topic string, subscribed func(), heard func([]byte) error) error {
	var once sync.Once
	failed := make(chan error, 1)
	fail := func(err error) { once.Do(func() { failed <- err }) }
	sub, err := n.nc.Subscribe(topic, func(m *natsclient.Msg) {
		if err := heard(m.Data); err != nil {
			fail(err)
		}
	})
	if err != nil {
		return err
	}
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return err
	}
	if err := n.nc.FlushTimeout(10 * time.Second); err != nil {
		return err
	}
	subscribed()
	select {
	case <-ctx.Done():
		return errors.Join(ctx.Err(), sub.Unsubscribe())
	case err := <-failed:
		return err
	}
}
