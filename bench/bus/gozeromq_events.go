package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-zeromq/zmq4"
)

// goZeroMQStream is a PUB and a SUB.
type goZeroMQStream struct {
	pub, sub zmq4.Socket
	stop     context.CancelFunc
}

func goZeroMQEvents(ctx context.Context, s spec) (events, error) {
	ctx, stop := context.WithCancel(ctx)
	z := goZeroMQStream{zmq4.NewPub(ctx), zmq4.NewSub(ctx), stop}
	if err := errors.Join(z.pub.Dial(endpoint(s, endIn)), z.sub.Dial(endpoint(s, endOut))); err != nil {
		stop()
		return nil, err
	}
	return z, nil
}

func (z goZeroMQStream) publish(_ context.Context, topic string, body []byte) error {
	return z.pub.SendMulti(zmq4.NewMsgFrom([]byte(topic), body))
}

func (z goZeroMQStream) listen(ctx context.Context, topic string, subscribed func(), heard func([]byte) error) error {
	if err := z.sub.SetOption(zmq4.OptionSubscribe, topic); err != nil {
		return err
	}
	subscribed()
	stop := context.AfterFunc(ctx, z.stop)
	defer stop()
	for {
		msg, err := z.sub.Recv()
		if ctx.Err() != nil {
			return ctx.Err()
		} else if err != nil {
			return err
		}
		if len(msg.Frames) != 2 {
			return fmt.Errorf("an event of %d frames", len(msg.Frames))
		}
		if err := heard(msg.Frames[1]); err != nil {
			return err
		}
	}
}

func (z goZeroMQStream) close() error {
	z.stop()
	return ignoreCanceled(errors.Join(z.pub.Close(), z.sub.Close()))
}

// ignoreCanceled drops what a socket says that was stopped on purpose.
func ignoreCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
