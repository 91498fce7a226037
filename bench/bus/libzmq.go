//go:build libzmq

package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/pebbe/zmq4"
	"golang.org/x/sync/errgroup"
)

// libzmqLook is how long a subscriber waits before it looks whether to end.
const libzmqLook = 100 * time.Millisecond

func libzmq() system {
	major, minor, patch := zmq4.Version()
	return system{
		name: "libzmq",
		note: fmt.Sprintf("version %d.%d.%d through cgo; zmq_proxy between ROUTER and DEALER, and between XSUB and XPUB, is the broker; "+
			"the client keeps its calls in flight from one thread, as its sockets demand", major, minor, patch),
		broker: libzmqBroker, server: libzmqServe, client: libzmqClient, events: libzmqEvents,
	}
}

// libzmqContext makes sockets. Ending it ends those that wait for messages.
type libzmqContext struct{ ctx *zmq4.Context }

func newLibzmqContext() (libzmqContext, error) {
	ctx, err := zmq4.NewContext()
	return libzmqContext{ctx}, err
}

// socket makes a socket without a high-water mark, since windows bound what
// is under way, and attaches it.
func (c libzmqContext) socket(kind zmq4.Type, attach func(*zmq4.Socket) error) (*zmq4.Socket, error) {
	socket, err := c.ctx.NewSocket(kind)
	if err != nil {
		return nil, err
	}
	err = errors.Join(socket.SetLinger(0), socket.SetSndhwm(0), socket.SetRcvhwm(0), attach(socket))
	if err != nil {
		return nil, errors.Join(err, socket.Close())
	}
	return socket, nil
}

func bind(s spec, end string) func(*zmq4.Socket) error {
	return func(socket *zmq4.Socket) error { return socket.Bind(endpoint(s, end)) }
}

func connect(s spec, end string) func(*zmq4.Socket) error {
	return func(socket *zmq4.Socket) error { return socket.Connect(endpoint(s, end)) }
}

// ended reports an error that comes of ending the context.
func ended(err error) bool { return zmq4.AsErrno(err) == zmq4.ETERM }

func libzmqBroker(ctx context.Context, s spec, ready func()) error {
	c, err := newLibzmqContext()
	if err != nil {
		return err
	}
	proxies := []struct {
		front, back       zmq4.Type
		frontEnd, backEnd string
	}{
		{zmq4.ROUTER, zmq4.DEALER, endFront, endBack},
		{zmq4.XSUB, zmq4.XPUB, endIn, endOut},
	}
	var group errgroup.Group
	for _, p := range proxies {
		front, err := c.socket(p.front, bind(s, p.frontEnd))
		if err != nil {
			return err
		}
		back, err := c.socket(p.back, bind(s, p.backEnd))
		if err != nil {
			return err
		}
		group.Go(func() error { return errors.Join(libzmqProxy(front, back), front.Close(), back.Close()) })
	}
	ready()
	<-ctx.Done()
	// Term makes the proxies end and waits until their sockets are closed.
	return errors.Join(c.ctx.Term(), group.Wait())
}

func libzmqProxy(front, back *zmq4.Socket) error {
	if err := zmq4.Proxy(front, back, nil); !ended(err) {
		return err
	}
	return nil
}

func libzmqServe(ctx context.Context, s spec, ready func()) error {
	c, err := newLibzmqContext()
	if err != nil {
		return err
	}
	socket, err := c.socket(zmq4.DEALER, connect(s, endBack))
	if err != nil {
		return err
	}
	var group errgroup.Group
	group.Go(func() error { return errors.Join(libzmqEcho(socket), socket.Close()) })
	ready()
	<-ctx.Done()
	return errors.Join(c.ctx.Term(), group.Wait())
}

func libzmqEcho(socket *zmq4.Socket) error {
	for {
		frames, err := socket.RecvMessageBytes(0)
		if ended(err) {
			return nil
		} else if err != nil {
			return err
		}
		// The caller's identity comes back with the body.
		if _, err := socket.SendMessage(frames[0], frames[1:]); err != nil {
			return err
		}
	}
}

// libzmqPipe is a client's DEALER.
type libzmqPipe struct {
	c      libzmqContext
	socket *zmq4.Socket
}

func libzmqClient(_ context.Context, s spec) (client, error) {
	c, err := newLibzmqContext()
	if err != nil {
		return nil, err
	}
	socket, err := c.socket(zmq4.DEALER, connect(s, endFront))
	if err != nil {
		return nil, err
	}
	return libzmqPipe{c, socket}, socket.SetRcvtimeo(patience)
}

func (p libzmqPipe) load(_ context.Context, l load) (timing, error) { return pipelined(p, l) }

func (p libzmqPipe) send(body []byte) error {
	_, err := p.socket.SendBytes(body, 0)
	return err
}

func (p libzmqPipe) receive() ([]byte, error) { return p.socket.RecvBytes(0) }

func (p libzmqPipe) close() error { return errors.Join(p.socket.Close(), p.c.ctx.Term()) }

// libzmqStream is a PUB for one goroutine and a SUB for another.
type libzmqStream struct {
	c        libzmqContext
	pub, sub *zmq4.Socket
}

func libzmqEvents(_ context.Context, s spec) (events, error) {
	c, err := newLibzmqContext()
	if err != nil {
		return nil, err
	}
	stream := libzmqStream{c: c}
	if stream.pub, err = c.socket(zmq4.PUB, connect(s, endIn)); err != nil {
		return nil, err
	}
	stream.sub, err = c.socket(zmq4.SUB, connect(s, endOut))
	return stream, err
}

func (z libzmqStream) publish(_ context.Context, topic string, body []byte) error {
	_, err := z.pub.SendMessage(topic, body)
	return err
}

func (z libzmqStream) listen(ctx context.Context, topic string, subscribed func(), heard func([]byte) error) error {
	if err := errors.Join(z.sub.SetSubscribe(topic), z.sub.SetRcvtimeo(libzmqLook)); err != nil {
		return err
	}
	subscribed()
	for ctx.Err() == nil {
		frames, err := z.sub.RecvMessageBytes(0)
		if zmq4.AsErrno(err) == zmq4.Errno(syscall.EAGAIN) {
			continue
		} else if err != nil {
			return err
		}
		if len(frames) != 2 {
			return fmt.Errorf("an event of %d frames", len(frames))
		}
		if err := heard(frames[1]); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (z libzmqStream) close() error {
	return errors.Join(z.pub.Close(), z.sub.Close(), z.c.ctx.Term())
}
