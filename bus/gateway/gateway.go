package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/gateway/httpserver"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/bus/presence"
)

// farewell is how long requests in progress may take when the gateway ends.
const farewell = 3 * time.Second

// gateway is the running part.
type gateway struct {
	cfg       Config
	logger    *slog.Logger
	log       *slog.Logger // category rpc
	ipc       *slog.Logger // category ipc
	conn      *bus.Conn
	directory *directory
	presence  *presence.Watch // keeps the directory up to date
	lanes     *lanes          // calls, up to the first piece of their results
	sending   *lanes          // long results, up to their ends
	silence   *silence
	reading   chan struct{} // one element a body that is being read as JSON
	ready     atomic.Bool   // the node has been ready
	// answering ends when the gateway does: calls go on without their clients.
	answering context.Context

	mu       sync.Mutex
	nextCall uint64
	calls    map[uint64]activeCall
}

// Run serves JSON-RPC, and on the last listeners metrics, until ctx ends.
func Run(ctx context.Context, env part.Env, cfg Config) error {
	g := newGateway(env.Logger, cfg.withDefaults())
	return env.Serve(ctx, bus.NewMux(), g.table(), func(ctx context.Context, conn *bus.Conn) error {
		return g.serve(ctx, conn, env.Listeners)
	})
}

func newGateway(logger *slog.Logger, cfg Config) *gateway {
	g := &gateway{
		cfg: cfg, logger: logger, log: logger.With("cat", "rpc"), ipc: logger.With("cat", "ipc"),
		directory: newDirectory(),
		lanes:     newLanes(cfg.Threads, cfg.Queue),
		sending:   newLanes(cfg.Threads, cfg.Queue),
		silence:   newSilence(),
		reading:   make(chan struct{}, cfg.Threads),
		calls:     map[uint64]activeCall{},
	}
	g.presence = g.directory.watch(logger)
	return g
}

// serve runs one HTTP server a listener, from when it is known who offers which
// command: a method that is unknown then does not exist. When ctx ends, requests
// in progress get their answers before their connections are closed.
func (g *gateway) serve(ctx context.Context, conn *bus.Conn, listeners []net.Listener) error {
	g.conn = conn
	if err := g.presence.Start(ctx, conn); err != nil {
		return err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	answering, stopAnswering := context.WithCancel(context.WithoutCancel(ctx))
	defer stopAnswering()
	g.answering = answering
	group.Go(func() error { return g.presence.Follow(groupCtx) })
	group.Go(func() error { return g.silence.watch(groupCtx, g.conn) })
	metrics := newMetrics(g.conn, g.logger.With("cat", "http"))
	for i, l := range listeners {
		var serving server = g.newServer(answering)
		if i >= len(listeners)-g.cfg.Metrics {
			serving = g.newMetricsServer(answering, metrics)
		}
		group.Go(func() error {
			if err := serving.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
		group.Go(func() error {
			<-groupCtx.Done()
			return end(context.WithoutCancel(ctx), serving, stopAnswering)
		})
	}
	err := group.Wait()
	if ctx.Err() != nil {
		return context.Canceled
	}
	return err
}

// server is one of httpserver or net/http.
type server interface {
	Serve(l net.Listener) error
	Shutdown(ctx context.Context) error
	Close() error
}

// end lets requests in progress get their answers for some time, and gives up the others.
func end(ctx context.Context, s server, giveUp func()) error {
	grace, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	if err := s.Shutdown(grace); err != nil {
		giveUp()
		return s.Close()
	}
	return nil
}

func (g *gateway) newServer(base context.Context) *httpserver.Server {
	return httpserver.New(httpserver.Config{
		Handler: g, Allow: g.cfg.allowed, Timeout: g.cfg.Timeout, Base: base, Log: g.logger.With("cat", "http"),
	})
}
