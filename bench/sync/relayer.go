package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/compact"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// msgCompactBlock is BIP152's type of inventory.
const msgCompactBlock = 4

// relayer is a peer that asks for compact blocks without an announcement (BIP152's
// high bandwidth), and brings some.
type relayer struct {
	conn  net.Conn
	in    *bufio.Reader
	block atomic.Pointer[consensus.Block] // of which it answers getblocktxn
	whole bool                            // it has brought a block that is not compact
	heard chan sighting                   // compact blocks that came
	done  chan struct{}
	err   error // how the connection ended, after done
}

// sighting is when the compact block of a hash came.
type sighting struct {
	hash chainhash.Hash
	at   time.Time
}

// dialRelayer has the given tip.
func dialRelayer(port int, tip chainhash.Hash) (*relayer, error) {
	conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), sessionPatience)
	if err != nil {
		return nil, err
	}
	s, err := shakeHands(conn)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	r := &relayer{conn: conn, in: s.in, heard: make(chan sighting, 2*poolBlockCount), done: make(chan struct{})}
	if err := errors.Join(r.send("sendcmpct", []byte{1, 2, 0, 0, 0, 0, 0, 0, 0}), r.sendInv(tip)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	go func() {
		defer close(r.done)
		r.err = r.run()
	}()
	return r, nil
}

func (r *relayer) run() error {
	for {
		command, payload, err := readFrame(r.in)
		if err == nil {
			err = r.answer(command, payload)
		}
		if err != nil {
			return err
		}
	}
}

func (r *relayer) answer(command string, payload []byte) error {
	switch command {
	case "ping":
		return r.send("pong", payload)
	case "cmpctblock":
		now := time.Now()
		b, err := compact.Parse(payload)
		if err != nil {
			return err
		}
		select {
		case r.heard <- sighting{b.Hash, now}:
			return nil
		default:
			return errors.New("more compact blocks than there are")
		}
	case "getdata":
		return r.bringAsked(payload)
	case "getblocktxn":
		return r.bringMissing(payload)
	}
	return nil
}

// bringAsked answers a getdata for the block, compact or, the first time, whole: a node
// may want to see one before it asks for the compact ones.
func (r *relayer) bringAsked(payload []byte) error {
	block := r.block.Load()
	if block == nil || len(payload) != 37 || chainhash.Hash(payload[5:]) != block.Hash {
		return fmt.Errorf("asked for what is not the block: %x", payload[:min(len(payload), 37)])
	}
	switch kind := wire.InvType(binary.LittleEndian.Uint32(payload[1:])); {
	case kind == msgCompactBlock:
		return r.announce(block)
	case kind == wire.InvTypeWitnessBlock && !r.whole:
		r.whole = true
		return r.send(wire.CmdBlock, block.Raw)
	default:
		return fmt.Errorf("asked for the block as inventory of type %#x", uint32(kind))
	}
}

// announce sends the compact block.
func (r *relayer) announce(block *consensus.Block) error {
	return r.send("cmpctblock", compact.Encode(block, uint64(time.Now().UnixNano()), nil))
}

// bringMissing answers getblocktxn: the hash, and each position as its distance from
// the one before.
func (r *relayer) bringMissing(payload []byte) error {
	in := bytes.NewReader(payload)
	var hash chainhash.Hash
	if _, err := io.ReadFull(in, hash[:]); err != nil {
		return err
	}
	count, err := wire.ReadVarInt(in, 0)
	if err != nil {
		return err
	}
	var positions []uint16
	for next := uint64(0); count > 0; count-- {
		skip, err := wire.ReadVarInt(in, 0)
		if err != nil {
			return err
		}
		positions = append(positions, uint16(next+skip))
		next += skip + 1
	}
	block := r.block.Load()
	if block == nil || block.Hash != hash {
		return fmt.Errorf("asked for transactions of the unknown block %v", hash)
	}
	raw, ok := compact.EncodeTxs(block, positions)
	if !ok {
		return fmt.Errorf("asked for transactions that the block %v has not", hash)
	}
	return r.send("blocktxn", raw)
}

// awaits returns when the compact block of this hash came.
func (r *relayer) awaits(ctx context.Context, hash chainhash.Hash) (time.Time, error) {
	for {
		select {
		case s := <-r.heard:
			if s.hash == hash {
				return s.at, nil
			}
		case <-r.done:
			return time.Time{}, r.err
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("the compact block was not relayed: %w", ctx.Err())
		}
	}
}

// failure is how the connection ended, if it has.
func (r *relayer) failure() error {
	select {
	case <-r.done:
		return r.err
	default:
		return nil
	}
}

func (r *relayer) close() {
	r.conn.Close()
	<-r.done
}

// sendInv tells that it has a block: a node sends the compact block of a child to
// nobody else.
func (r *relayer) sendInv(block chainhash.Hash) error {
	return r.send("inv", append([]byte{1, byte(wire.InvTypeBlock), 0, 0, 0}, block[:]...))
}

func (r *relayer) send(command string, payload []byte) error {
	return wire.WriteMessage(r.conn, &rawMessage{command, payload}, protocol, network)
}

// rawMessage is a message that package wire does not know.
type rawMessage struct {
	command string
	payload []byte
}

func (m *rawMessage) BtcEncode(w io.Writer, _ uint32, _ wire.MessageEncoding) error {
	_, err := w.Write(m.payload)
	return err
}

func (m *rawMessage) BtcDecode(io.Reader, uint32, wire.MessageEncoding) error {
	return errors.New("it is written only")
}

func (m *rawMessage) Command() string                { return m.command }
func (m *rawMessage) MaxPayloadLength(uint32) uint32 { return wire.MaxBlockPayload }

// readFrame reads a message without its meaning.
func readFrame(r io.Reader) (command string, payload []byte, err error) {
	var head [24]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return "", nil, err
	}
	length := binary.LittleEndian.Uint32(head[16:])
	if length > wire.MaxBlockPayload {
		return "", nil, fmt.Errorf("a message of %d bytes", length)
	}
	payload = make([]byte, length)
	_, err = io.ReadFull(r, payload)
	return string(bytes.TrimRight(head[4:16], "\x00")), payload, err
}
