package main

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
)

// stub is a peer that answers pings and sends its own, and says nothing else.
type stub struct {
	nc      net.Conn
	writing sync.Mutex
	sent    atomic.Int64  // when the last ping was, Unix nanoseconds
	pong    chan struct{} // each pong
	pongs   func(time.Duration)
	over    chan struct{} // closed at the end of the connection
}

// patience bounds every wait for the node.
const patience = time.Minute

// connect makes a connection and waits for the node's version. took is the time from
// the beginning of the connect to the end of the version.
func connect(port int, pongs func(time.Duration)) (s *stub, took time.Duration, err error) {
	began := time.Now()
	nc, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, 0, err
	}
	s = &stub{nc: nc, pong: make(chan struct{}, 1), pongs: pongs, over: make(chan struct{})}
	if err := nc.SetDeadline(began.Add(patience)); err != nil {
		return nil, 0, errors.Join(err, nc.Close())
	}
	nobody := wire.NewNetAddressIPPort(net.IPv4zero, 0, 0)
	hello := wire.NewMsgVersion(nobody, nobody, uint64(began.UnixNano()), 0)
	hello.AddService(wire.SFNodeNetwork | wire.SFNodeWitness)
	if err := s.say(hello); err != nil {
		return nil, 0, errors.Join(err, nc.Close())
	}
	for {
		msg, err := s.hear()
		if err != nil {
			return nil, 0, errors.Join(err, nc.Close())
		}
		if _, ok := msg.(*wire.MsgVersion); ok {
			took = time.Since(began)
			break
		}
	}
	if err := errors.Join(s.say(wire.NewMsgVerAck()), nc.SetDeadline(time.Time{})); err != nil {
		return nil, 0, errors.Join(err, nc.Close())
	}
	go s.serve()
	return s, took, nil
}

func (s *stub) say(msg wire.Message) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	_, err := wire.WriteMessageWithEncodingN(s.nc, msg, wire.ProtocolVersion, wire.TestNet, wire.WitnessEncoding)
	return err
}

// hear reads the next message that wire knows.
func (s *stub) hear() (wire.Message, error) {
	for {
		_, msg, _, err := wire.ReadMessageWithEncodingN(s.nc, wire.ProtocolVersion, wire.TestNet, wire.WitnessEncoding)
		if !errors.Is(err, wire.ErrUnknownMessage) {
			return msg, err
		}
	}
}

// serve answers until the connection ends.
func (s *stub) serve() {
	defer close(s.over)
	for {
		msg, err := s.hear()
		if err != nil {
			return
		}
		switch msg := msg.(type) {
		case *wire.MsgPing:
			err = s.say(wire.NewMsgPong(msg.Nonce))
		case *wire.MsgPong:
			s.pongs(time.Since(time.Unix(0, s.sent.Load())))
			select {
			case s.pong <- struct{}{}:
			default:
			}
		}
		if err != nil {
			return
		}
	}
}

// ping asks, and reports whether the answer came.
func (s *stub) ping() bool {
	s.sent.Store(time.Now().UnixNano())
	if s.say(wire.NewMsgPing(uint64(s.sent.Load()))) != nil {
		return false
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-s.pong:
		return true
	case <-s.over:
	case <-late.C:
	}
	return false
}

func (s *stub) leave() {
	s.nc.Close()
	<-s.over
}
