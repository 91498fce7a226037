package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
)

const (
	pingEvery = 10 * time.Millisecond
	// dialTime is how long a node may take to listen.
	dialTime = 30 * time.Second
)

// pinger is a peer that sends a ping every pingEvery, after the pong to the one before,
// and does nothing else.
type pinger struct {
	conn net.Conn
	s    *session
	done chan struct{}

	mu   sync.Mutex
	took []time.Duration
	err  error
}

// dialPinger connects as soon as the node listens.
func (n *startedNode) dialPinger(ctx context.Context, port int) (*pinger, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	p := &pinger{done: make(chan struct{})}
	err := n.poll(ctx, func() (bool, error) {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return false, ctx.Err()
		}
		if p.s, err = shakeHands(conn); err != nil {
			conn.Close()
			return false, ctx.Err()
		}
		p.conn = conn
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	go p.run()
	return p, nil
}

func (p *pinger) run() {
	defer close(p.done)
	s := p.s
	ticker := time.NewTicker(pingEvery)
	defer ticker.Stop()
	for nonce := uint64(1); ; nonce++ {
		<-ticker.C
		began := time.Now()
		err := errors.Join(s.send(wire.NewMsgPing(nonce)), s.out.Flush())
		for answered := false; err == nil && !answered; {
			var msg wire.Message
			if _, msg, _, err = wire.ReadMessageWithEncodingN(s.in, protocol, network, wire.LatestEncoding); errors.Is(err, wire.ErrUnknownMessage) {
				err = nil
				continue
			}
			switch msg := msg.(type) {
			case *wire.MsgPong:
				answered = msg.Nonce == nonce
			case *wire.MsgPing:
				err = errors.Join(err, s.send(wire.NewMsgPong(msg.Nonce)), s.out.Flush())
			}
		}
		p.mu.Lock()
		if p.err = err; err == nil {
			p.took = append(p.took, time.Since(began))
		}
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// take returns the latencies since it was last asked, ascending.
func (p *pinger) take() []time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.took
	p.took = nil
	slices.Sort(list)
	return list
}

// failure is how the connection ended before close.
func (p *pinger) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

func (p *pinger) close() {
	p.conn.Close()
	<-p.done
}
