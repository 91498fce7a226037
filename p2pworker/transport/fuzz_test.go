package transport

import (
	"bufio"
	"bytes"
	"errors"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// FuzzReceive feeds a byte stream to the v1 framing. Whatever is accepted must
// frame to the same bytes again.
func FuzzReceive(f *testing.F) {
	for _, m := range []wire.Message{
		wire.NewMsgPing(1), wire.NewMsgVerAck(), wire.NewMsgGetHeaders(),
		wire.NewMsgHeaders(), wire.NewMsgSendHeaders(), wire.NewMsgFeeFilter(1000),
		&wire.MsgInv{InvList: []*wire.InvVect{wire.NewInvVect(wire.InvTypeBlock, &chainhash.Hash{1})}},
	} {
		f.Add(frame(f, m))
	}
	bad := frame(f, wire.NewMsgPing(1))
	bad[20] ^= 1
	f.Add(append(bad, frame(f, wire.NewMsgPing(2))...))
	f.Fuzz(func(t *testing.T, stream []byte) {
		framing, source := newV1(wire.TestNet), bytes.NewReader(stream)
		r := bufio.NewReader(source)
		for {
			start := len(stream) - source.Len() - r.Buffered()
			m, err := framing.read(r)
			var header *FrameError
			if errors.As(err, &header) && !header.Fatal {
				continue
			}
			if err != nil {
				return
			}
			again := append(framing.appendHeader(nil, m), m.Payload...)
			if !bytes.Equal(again, stream[start:start+m.Size]) {
				t.Fatalf("accepted %x, framed as %x", stream[start:start+m.Size], again)
			}
		}
	})
}
