package part

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/link"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// flushPatience bounds how long a part that ends waits for its last replies
// to leave.
const flushPatience = 2 * time.Second

// ErrAdrift is returned when the broker closed the link: the node is gone.
var ErrAdrift = errors.New("lost the link to the broker")

// Env is what a part gets from the program that starts it.
type Env struct {
	Name      string         // instance on the bus, such as "worker.3"
	Link      net.Conn       // to the broker
	Listeners []net.Listener // inherited listening sockets, if the part serves any
	// Docks brings a Dock for each part that hands over descriptors, or takes them, every
	// time such a one is started; nil if there are none.
	Docks <-chan Dock
	// Dial makes the part's connections to the world; nil for the system's.
	Dial   func(ctx context.Context, network, address string) (net.Conn, error)
	Logger *slog.Logger
	// Categories switches the debug lines of Logger; nil if they cannot be.
	Categories Categories
	Clock      *clock.Clock
	Title      func(string) // sets what ps shows; nil if the process is not the part's own
	Seal       func() error // see SealUp; may be nil
	// Given returns a file that a command's user named, by its number (rpc.Request): nil
	// if the part opens such files itself.
	Given    func(ctx context.Context, number uint64) (*os.File, error)
	Mockable bool        // the chain allows setmocktime: regtest
	Limits   link.Limits // of Link; the zero value stands for those of a local one
}

// Dock is a pair of sockets between two processes of a node, over which descriptors cross:
// packets (SOCK_SEQPACKET).
type Dock struct {
	Peer string // the instance at the other end
	Conn *net.UnixConn
}

// SetTitle shows what the process is doing in the list of processes.
func (e Env) SetTitle(title string) {
	if e.Title != nil {
		e.Title(title)
	}
}

// DialWithin connects by Dial, and gives up after limit.
func (e Env) DialWithin(ctx context.Context, limit time.Duration, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if e.Dial != nil {
		return e.Dial(ctx, network, address)
	}
	var system net.Dialer
	return system.DialContext(ctx, network, address)
}

// SealUp takes from the process what a part needs to get its only connection, which
// it has now: it can open nothing any more. An error means that the part should not
// go on.
func (e Env) SealUp() error {
	if e.Seal == nil {
		return nil
	}
	return e.Seal()
}

// Serve attaches to the bus with what mux and table offer, and runs fn until
// it returns; then what was sent is flushed and the link closed. fn's context
// ends when ctx does or when the link is lost.
func (e Env) Serve(ctx context.Context, mux *bus.Mux, table rpc.Table, fn func(context.Context, *bus.Conn) error) error {
	if err := append(table, e.commands()...).Announce(mux); err != nil {
		return err
	}
	conn := bus.New(e.Link, bus.Config{Mux: mux, Logger: e.Logger, Limits: e.Limits})
	linkCtx, closeLink := context.WithCancel(context.WithoutCancel(ctx))
	defer closeLink()
	partCtx, stopPart := context.WithCancelCause(ctx)
	defer stopPart(nil)

	var group errgroup.Group
	group.Go(func() error {
		err := conn.Run(linkCtx)
		if linkCtx.Err() == nil {
			err = errors.Join(ErrAdrift, err)
			stopPart(err)
			return err
		}
		return err
	})
	group.Go(func() error {
		defer closeLink()
		err := awaitReady(partCtx, conn)
		if err == nil {
			err = fn(partCtx, conn)
		}
		flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushPatience)
		defer cancel()
		// A link that no longer reads keeps what is left.
		_ = conn.Flush(flush)
		switch {
		case ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, bus.ErrCanceled)):
			return nil
		case ctx.Err() == nil && errors.Is(err, bus.ErrClosed):
			return errors.Join(ErrAdrift, err) // a call has met it before the link's end was told
		}
		return err
	})
	return group.Wait()
}

func awaitReady(ctx context.Context, conn *bus.Conn) error {
	select {
	case <-conn.Ready():
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Commands lists what every part offers to JSON-RPC clients.
func Commands() rpc.Table { return Env{}.commands() }

func (e Env) commands() rpc.Table { return rpc.Table{e.setMockTime(), e.logging()} }

func (e Env) setMockTime() rpc.Command {
	return rpc.Command{
		Name: "setmocktime", Returns: rpc.Null{}, Category: "hidden", EveryPart: true,
		Summary: "Set the local time to given timestamp (-regtest only)",
		Params: []rpc.Param{{
			Name: "timestamp", Type: rpc.Number,
			Help: "UNIX epoch time in seconds. Pass 0 to go back to using the system time.",
		}},
		Result: "null",
		Run: func(_ context.Context, call *rpc.Call) (any, error) {
			if !e.Mockable {
				return nil, rpc.Errorf(rpc.MiscError, "setmocktime is for regression testing (-regtest mode) only")
			}
			seconds, err := call.Int64(0, 0)
			if err != nil {
				return nil, err
			}
			const max = 1<<32 - 1
			if seconds < 0 || seconds > max {
				return nil, rpc.Errorf(rpc.InvalidParameter, "Mocktime must be in the range [0, %d], not %d.", int64(max), seconds)
			}
			e.Clock.SetMock(seconds)
			return nil, nil
		},
	}
}

// String tells which part this is, for messages.
func (e Env) String() string { return fmt.Sprintf("part %s", e.Name) }
