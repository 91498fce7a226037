package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
	"golang.org/x/sync/errgroup"
)

// feederCount is how many peers bring transactions. A node of several processes
// has one for each.
const feederCount = 8

// feeders are peers that hand over transactions unasked, as fast as the node
// reads.
type feeders struct {
	conns []net.Conn
	group errgroup.Group
}

// dialFeeders connects all peers, past their handshakes.
func dialFeeders(port int) (*feeders, error) {
	f := &feeders{}
	for range feederCount {
		conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), sessionPatience)
		if err != nil {
			return nil, errors.Join(err, f.hangUp())
		}
		f.conns = append(f.conns, conn)
		if _, err := shakeHands(conn); err != nil {
			return nil, errors.Join(err, f.hangUp())
		}
	}
	return f, nil
}

// shakeHands speaks first, and ends with the node's verack. What it has read of later
// messages is in the session.
func shakeHands(conn net.Conn) (*session, error) {
	if err := conn.SetDeadline(time.Now().Add(sessionPatience)); err != nil {
		return nil, err
	}
	s := newSession(&chainIndex{blocks: make([]located, 1)}, nil, conn)
	if err := errors.Join(s.send(s.version()), s.out.Flush()); err != nil {
		return nil, err
	}
	for {
		_, msg, _, err := wire.ReadMessageWithEncodingN(s.in, protocol, network, wire.LatestEncoding)
		if err != nil && !errors.Is(err, wire.ErrUnknownMessage) {
			return nil, err
		}
		switch msg.(type) {
		case *wire.MsgVersion:
			if err := errors.Join(s.send(wire.NewMsgVerAck()), s.out.Flush()); err != nil {
				return nil, err
			}
		case *wire.MsgVerAck:
			return s, conn.SetDeadline(time.Time{}) // the peers end when the measurement does
		}
	}
}

// start shares the messages out, and reads what the node says.
func (f *feeders) start(messages [][]byte) {
	for i, conn := range f.conns {
		f.group.Go(func() error {
			out := bufio.NewWriterSize(conn, 1<<16)
			for at := i; at < len(messages); at += len(f.conns) {
				if _, err := out.Write(messages[at]); err != nil {
					return err
				}
			}
			return out.Flush()
		})
		f.group.Go(func() error {
			_, err := io.Copy(io.Discard, conn)
			return err
		})
	}
}

// hangUp ends all connections. It returns an error of one that the node has
// ended.
func (f *feeders) hangUp() error {
	for _, conn := range f.conns {
		conn.Close()
	}
	if err := f.group.Wait(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
