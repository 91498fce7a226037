package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
)

const (
	network = wire.TestNet // the magic of regtest in package wire
	// protocol is 70016: the last that package wire names a feature of.
	protocol  = wire.AddrV2Version
	userAgent = "/chainserver:1.0.0/"
)

// session is one peer that syncs from the chain. All happens in the goroutine
// of run: requests are answered in order, and a peer that does not read is not
// read from.
type session struct {
	chain *chainIndex
	file  io.ReaderAt
	conn  net.Conn
	in    *bufio.Reader
	out   *bufio.Writer
	// last is the hash whose delivery a peer that asks by getblocks takes as
	// the sign to ask for more; nil if there is none.
	last *wire.InvVect
}

func newSession(chain *chainIndex, file io.ReaderAt, conn net.Conn) *session {
	return &session{
		chain: chain, file: file, conn: conn, in: bufio.NewReaderSize(conn, 1<<16),
		// Without ReadFrom of the connection, which would copy through a
		// buffer that it makes anew each time.
		out: bufio.NewWriterSize(struct{ io.Writer }{conn}, 1<<18),
	}
}

// run serves until the peer hangs up.
func (s *session) run() error {
	for {
		if err := s.conn.SetDeadline(time.Now().Add(sessionPatience)); err != nil {
			return err
		}
		if s.in.Buffered() == 0 {
			if err := s.out.Flush(); err != nil {
				return err
			}
		}
		_, msg, _, err := wire.ReadMessageWithEncodingN(s.in, protocol, network, wire.LatestEncoding)
		if errors.Is(err, wire.ErrUnknownMessage) {
			continue
		}
		if err != nil {
			return err
		}
		if err := s.answer(msg); err != nil {
			return err
		}
	}
}

// answer leaves alone what a peer that only serves blocks need not answer.
func (s *session) answer(msg wire.Message) error {
	switch msg := msg.(type) {
	case *wire.MsgVersion:
		return errors.Join(s.send(s.version()), s.send(wire.NewMsgVerAck()))
	case *wire.MsgPing:
		return s.send(wire.NewMsgPong(msg.Nonce))
	case *wire.MsgGetHeaders:
		return s.send(s.headers(msg))
	case *wire.MsgGetBlocks:
		return s.inventory(msg)
	case *wire.MsgGetData:
		return s.data(msg)
	}
	return nil
}

func (s *session) send(msg wire.Message) error {
	return wire.WriteMessage(s.out, msg, protocol, network)
}

func (s *session) version() *wire.MsgVersion {
	const services = wire.SFNodeNetwork | wire.SFNodeWitness
	nobody := wire.NewNetAddressIPPort(net.IPv4zero, 0, services)
	msg := wire.NewMsgVersion(nobody, nobody, 1, int32(len(s.chain.blocks)-1))
	msg.Services, msg.ProtocolVersion, msg.UserAgent = services, int32(protocol), userAgent
	return msg
}

func (s *session) headers(msg *wire.MsgGetHeaders) *wire.MsgHeaders {
	reply := wire.NewMsgHeaders()
	found := s.chain.after(msg.BlockLocatorHashes, msg.HashStop, wire.MaxBlockHeadersPerMsg)
	for i := range found {
		_ = reply.AddBlockHeader(&found[i].header) // fails beyond the limit, which after keeps
	}
	return reply
}

func (s *session) inventory(msg *wire.MsgGetBlocks) error {
	found := s.chain.after(msg.BlockLocatorHashes, msg.HashStop, wire.MaxBlocksPerMsg)
	if len(found) == 0 {
		return nil
	}
	reply := wire.NewMsgInv()
	for i := range found {
		_ = reply.AddInvVect(wire.NewInvVect(wire.InvTypeBlock, &found[i].hash)) // likewise
	}
	s.last = nil
	if len(found) == wire.MaxBlocksPerMsg {
		s.last = reply.InvList[len(found)-1]
	}
	return s.send(reply)
}

// data sends blocks as the file has them, in the order asked for.
func (s *session) data(msg *wire.MsgGetData) error {
	missing := wire.NewMsgNotFound()
	for _, want := range msg.InvList {
		height, known := s.chain.height[want.Hash]
		if !known || height == 0 || (want.Type != wire.InvTypeBlock && want.Type != wire.InvTypeWitnessBlock) {
			_ = missing.AddInvVect(want) // as long as the request at most
			continue
		}
		if err := s.block(&s.chain.blocks[height]); err != nil {
			return err
		}
		if s.last != nil && s.last.Hash == want.Hash {
			if err := s.announceTip(); err != nil {
				return err
			}
		}
	}
	if len(missing.InvList) > 0 {
		return s.send(missing)
	}
	return nil
}

// block writes a block's message: magic, command, length, checksum, block.
func (s *session) block(b *located) error {
	var head [24]byte
	binary.LittleEndian.PutUint32(head[:], uint32(network))
	copy(head[4:], wire.CmdBlock)
	binary.LittleEndian.PutUint32(head[16:], b.length)
	copy(head[20:], b.checksum[:])
	if _, err := s.out.Write(head[:]); err != nil {
		return err
	}
	_, err := io.Copy(s.out, io.NewSectionReader(s.file, b.offset, int64(b.length)))
	return err
}

// announceTip lets a peer that asks by getblocks ask for the next.
func (s *session) announceTip() error {
	s.last = nil
	tip := s.chain.tip().hash
	msg := wire.NewMsgInv()
	_ = msg.AddInvVect(wire.NewInvVect(wire.InvTypeBlock, &tip)) // the first always fits
	return s.send(msg)
}
