package notify

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/notify/zmqpub"
)

// Listen opens a listener for each address of a configuration, in the order in which
// Run wants them. Who starts the part does it: the part may make no sockets.
func Listen(ctx context.Context, cfg Config) ([]net.Listener, error) {
	var listeners []net.Listener
	for _, address := range cfg.withDefaults().addresses() {
		l, err := zmqpub.Listen(ctx, address)
		if err != nil {
			for _, l := range listeners {
				_ = l.Close() // the failure to report is the first
			}
			return nil, fmt.Errorf("zmq: Failed to bind address %s: %w", address, err)
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

// Run publishes on the listeners of its environment, which are those of Listen, until
// ctx ends or the link to the broker is lost.
func Run(ctx context.Context, env part.Env, cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	cfg = cfg.withDefaults()
	env.SetTitle("notify")
	if n := len(cfg.addresses()); n != len(env.Listeners) {
		return fmt.Errorf("%d listeners for %d addresses", len(env.Listeners), n)
	}
	sockets, list := open(cfg, env.Listeners, env.Logger.With("cat", "zmq"))
	defer func() {
		for _, s := range sockets {
			_ = s.Close() // closed already if it was run
		}
	}()
	return env.Serve(ctx, bus.NewMux(), commands(cfg), func(ctx context.Context, conn *bus.Conn) error {
		return publish(ctx, conn, env.Logger, sockets, list)
	})
}

// open makes a publisher of each listener.
func open(cfg Config, listeners []net.Listener, log *slog.Logger) ([]*zmqpub.Publisher, notifiers) {
	var sockets []*zmqpub.Publisher
	var list notifiers
	byAddress := map[string]*zmqpub.Publisher{}
	for _, p := range cfg.Publications {
		socket := byAddress[p.Address]
		if socket != nil {
			log.Debug(fmt.Sprintf("Reusing socket for address %s", p.Address))
		} else {
			socket = zmqpub.New(listeners[len(sockets)], zmqpub.Config{HighWaterMark: p.HighWaterMark, Logger: log})
			byAddress[p.Address] = socket
			sockets = append(sockets, socket)
		}
		log.Debug(fmt.Sprintf("Outbound message high water mark for pub%s at %s is %d", p.Topic, p.Address, p.HighWaterMark))
		log.Debug(fmt.Sprintf("Notifier pub%s ready (address = %s)", p.Topic, p.Address))
		list = append(list, &notifier{Publication: p, out: socket})
	}
	return sockets, list
}

// publish serves the sockets and turns events into messages.
func publish(parent context.Context, conn *bus.Conn, log *slog.Logger, sockets []*zmqpub.Publisher, list notifiers) error {
	group, ctx := errgroup.WithContext(parent)
	for _, s := range sockets {
		group.Go(func() error { return s.Run(ctx) })
	}
	h := &hearing{notifiers: list, fetch: func(hash chainhash.Hash) ([]byte, error) { return fetchBlock(ctx, conn, hash) }}
	group.Go(func() error { return h.listener(log).Run(ctx, conn) })
	err := group.Wait()
	if parent.Err() != nil {
		return context.Cause(parent) // what failed, failed for that
	}
	return err
}

// fetchPatience bounds how long events wait for a block that the node is asked
// for.
const fetchPatience = 10 * time.Second

func fetchBlock(ctx context.Context, conn *bus.Conn, hash chainhash.Hash) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchPatience)
	defer cancel()
	reply, err := msg.GetBlock.Call(ctx, conn, msg.GetBlockRequest{Hash: hash})
	if err != nil {
		return nil, err
	}
	return only(reply.Attached)
}

// active is one object of getzmqnotifications.
type active struct {
	Type    string `json:"type"`
	Address string `json:"address"`
	HWM     int    `json:"hwm"`
}

// Commands lists what the notifier offers to JSON-RPC clients.
func Commands() rpc.Table { return commands(Config{}) }

func commands(cfg Config) rpc.Table {
	return rpc.Table{{
		Name: "getzmqnotifications", Returns: []active{}, Category: "Zmq",
		Summary: "Returns information about the active ZeroMQ notifications.",
		Result:  "[{\"type\": \"str\", \"address\": \"str\", \"hwm\": n}, ...]    (json array)",
		Run: func(context.Context, *rpc.Call) (any, error) {
			list := make([]active, len(cfg.Publications))
			for i, p := range cfg.Publications {
				list[i] = active{"pub" + string(p.Topic), p.Address, p.HighWaterMark}
			}
			return list, nil
		},
	}}
}
