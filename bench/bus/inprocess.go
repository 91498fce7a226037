package main

import (
	"context"
	"errors"
	"sync"

	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/bulkheadnode/bulkhead/bus/broker"
	"github.com/bulkheadnode/bulkhead/bus/link"
)

func inProcess() system {
	return system{
		name: "bulkhead-inprocess", note: "the same calls with all roles in one process over pipes in memory, as -multiprocess=0",
		client: inProcessClient,
	}
}

// wholeBus is a broker with a server and a client beside it.
type wholeBus struct {
	busClient
	server *busLink
	stop   context.CancelFunc
	serve  *sync.WaitGroup
}

func inProcessClient(ctx context.Context, s spec) (client, error) {
	ctx, stop := context.WithCancel(ctx)
	w := wholeBus{stop: stop, serve: &sync.WaitGroup{}}
	b, logger := newBroker(s)
	attach := func(role rights.Role) (*busLink, error) {
		part, ours := link.Pipe()
		w.serve.Go(func() {
			if err := b.Serve(ctx, ours, broker.Identity{Role: role, Instance: string(role)}); err != nil {
				logger.Warn(err.Error())
			}
		})
		if role == roleServer {
			return attachBus(ctx, part, echoMux())
		}
		return attachBus(ctx, part, nil)
	}
	var err error
	if w.server, err = attach(roleServer); err == nil {
		w.busLink, err = attach(roleClient)
	}
	if err != nil {
		stop()
		w.serve.Wait()
		return nil, err
	}
	return w, nil
}

func (w wholeBus) close() error {
	err := errors.Join(w.busClient.close(), w.server.close())
	w.stop()
	w.serve.Wait()
	return err
}
