package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/go-zeromq/zmq4"
	"golang.org/x/sync/errgroup"
)

func goZeroMQ() system {
	return system{
		name: "go-zeromq", note: "the sockets of github.com/go-zeromq/zmq4; a ROUTER that forwards to a DEALER and back is the broker, " +
			"for events a SUB that forwards to a PUB",
		goBroker: true,
		broker:   goZeroMQBroker, server: goZeroMQServe, client: goZeroMQClient, events: goZeroMQEvents,
	}
}

// Ends of the ZeroMQ brokers.
const (
	endFront = "front" // clients
	endBack  = "back"  // servers
	endIn    = "in"    // publishers
	endOut   = "out"   // subscribers
)

func endpoint(s spec, end string) string { return "ipc://" + filepath.Join(s.Dir, end) }

func goZeroMQBroker(ctx context.Context, s spec, ready func()) error {
	front, back := zmq4.NewRouter(ctx), zmq4.NewDealer(ctx)
	in, out := zmq4.NewSub(ctx), zmq4.NewPub(ctx)
	for end, socket := range map[string]zmq4.Socket{endFront: front, endBack: back, endIn: in, endOut: out} {
		defer socket.Close()
		if err := socket.Listen(endpoint(s, end)); err != nil {
			return err
		}
	}
	if err := in.SetOption(zmq4.OptionSubscribe, ""); err != nil {
		return err
	}
	var group errgroup.Group
	group.Go(func() error { return goZeroMQForward(ctx, front, back) })
	group.Go(func() error { return goZeroMQForward(ctx, back, front) })
	group.Go(func() error { return goZeroMQForward(ctx, in, out) })
	ready()
	return group.Wait()
}

// goZeroMQForward moves messages until ctx ends or the peer leaves. A ROUTER puts the sender's
// identity before a message and takes it from there when it sends.
func goZeroMQForward(ctx context.Context, from, to zmq4.Socket) error {
	for {
		msg, err := from.Recv()
		if ctx.Err() != nil || errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := to.SendMulti(msg); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

func goZeroMQServe(ctx context.Context, s spec, ready func()) error {
	socket := zmq4.NewDealer(ctx)
	defer socket.Close()
	if err := socket.Dial(endpoint(s, endBack)); err != nil {
		return err
	}
	ready()
	return goZeroMQForward(ctx, socket, socket)
}

// goZeroMQPipe is a client's DEALER.
type goZeroMQPipe struct {
	socket zmq4.Socket
	stop   context.CancelFunc
}

func goZeroMQClient(ctx context.Context, s spec) (client, error) {
	ctx, stop := context.WithCancel(ctx)
	p := goZeroMQPipe{zmq4.NewDealer(ctx, zmq4.WithID(zmq4.SocketIdentity("client"))), stop}
	if err := p.socket.Dial(endpoint(s, endFront)); err != nil {
		stop()
		return nil, err
	}
	return p, nil
}

func (p goZeroMQPipe) load(_ context.Context, l load) (timing, error) { return pipelined(p, l) }

func (p goZeroMQPipe) send(body []byte) error {
	return p.socket.Send(zmq4.NewMsg(body)) // returns when the message has been written
}

func (p goZeroMQPipe) receive() ([]byte, error) {
	msg, err := p.socket.Recv()
	if err != nil {
		return nil, err
	}
	if len(msg.Frames) != 1 {
		return nil, fmt.Errorf("a reply of %d frames", len(msg.Frames))
	}
	return msg.Frames[0], nil
}

func (p goZeroMQPipe) close() error {
	p.stop()
	return ignoreCanceled(p.socket.Close())
}
