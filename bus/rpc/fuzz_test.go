package rpc_test

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// pieces reads what a hostile part answers: a byte with flags, one with a length,
// and as many bytes of JSON; until the end.
func pieces(data []byte) (list []rpc.Piece) {
	for len(data) >= 2 && len(list) < 64 {
		flags, n := data[0], min(int(data[1]), len(data)-2)
		raw := data[2 : 2+n]
		data = data[2+n:]
		p := rpc.Piece{Last: flags&1 != 0}
		for range flags >> 1 & 3 {
			p.Attached = append(p.Attached, raw)
		}
		if flags&8 != 0 {
			p.Code, p.Message = int(int8(flags)), string(raw)
		}
		list = append(list, p)
	}
	return list
}

// whole is what such an answer means: the bytes up to the last piece, if it is well
// formed.
func whole(list []rpc.Piece) (result []byte, ok bool) {
	for i, p := range list {
		if p.Code != 0 || len(p.Attached) != 1 {
			return nil, false
		}
		result = append(result, p.Attached[0]...)
		if p.Last {
			return result, i == len(list)-1
		}
	}
	return nil, false
}

// FuzzAnswer: whatever a part sends for an answer is read as what it means, or is
// an error; the client does not hang, and has the next answer on the same link.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte{0x03, 4, 't', 'r', 'u', 'e'})               // one piece
	f.Add([]byte{0x02, 2, '[', '1', 0x03, 1, ']'})           // two
	f.Add([]byte{0x02, 2, '[', '1'})                         // no end
	f.Add([]byte{0x03, 1, '1', 0x02, 1, '2'})                // more after the end
	f.Add([]byte{0x01, 0})                                   // no frame
	f.Add([]byte{0x05, 1, '1'})                              // two frames
	f.Add([]byte{0x0a, 3, 'b', 'a', 'd'})                    // an error
	f.Add([]byte{0x02, 1, '[', 0x0b, 3, 'b', 'a', 'd'})      // an error in the middle
	f.Add([]byte{0x02, 0, 0x02, 0, 0x02, 0, 0x03, 1, '7'})   // empty pieces
	f.Add(bytes.Repeat([]byte{0x02, 1, '1'}, 40))            // more than the window
	f.Add(append(bytes.Repeat([]byte{0x02, 1, '1'}, 40), 3)) // and cut short
	f.Add(append([]byte{0x03, 255}, make([]byte, 255)...))   // no JSON at all
	var next atomic.Pointer[[]rpc.Piece]
	mux := bus.NewMux()
	rpc.StreamFor("probe").Handle(mux, func(_ context.Context, _ rpc.Request, send func(rpc.Piece) error) error {
		for _, p := range *next.Load() {
			if err := send(p); err != nil {
				return err
			}
		}
		return nil
	})
	b := bustest.New(f)
	b.Conn(roles.Node, "node", mux)
	gateway, _ := b.Conn(roles.Gateway, "gateway", nil)
	f.Fuzz(func(t *testing.T, data []byte) {
		list := pieces(data)
		next.Store(&list)
		got, err := rpc.Ask(t.Context(), gateway, "node", "probe", rpc.Request{}, 1<<20)
		want, ok := whole(list)
		if ok != (err == nil) || ok && !bytes.Equal(want, got) {
			t.Fatalf("%v: %q, %v instead of %q, %t", list, got, err, want, ok)
		}
	})
}
