package broker_test

import (
	"context"
	"testing"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/link"
)

// frames cuts fuzz data into messages: a byte that tells a header's size, the
// header, a byte for the body's, the body.
func frames(data []byte) (messages [][2][]byte) {
	cut := func() []byte {
		if len(data) == 0 {
			return nil
		}
		n := min(int(data[0]), len(data)-1)
		part := data[1 : 1+n]
		data = data[1+n:]
		return part
	}
	for len(data) > 0 && len(messages) < 64 {
		messages = append(messages, [2][]byte{cut(), cut()})
	}
	return messages
}

// FuzzAHostilePart: whatever a part sends after its hello, the broker stays
// up and serves the others.
func FuzzAHostilePart(f *testing.F) {
	seed := func(headers ...codec.Header) {
		var data []byte
		for _, h := range headers {
			frame, err := codec.EncodeHeader(&h)
			if err != nil {
				f.Fatal(err)
			}
			data = append(append(append(data, byte(len(frame))), frame...), 1, 0xa0)
		}
		f.Add(data)
	}
	seed(codec.Header{Kind: codec.Call, ID: 1, To: "node.chain.echo"}, codec.Header{Kind: codec.Cancel, ID: 1})
	seed(codec.Header{Kind: codec.Call, ID: 1, To: "node.chain.echo", Credit: 1 << 63}, codec.Header{Kind: codec.Credit, ID: 1, Credit: 1 << 63})
	seed(codec.Header{Kind: codec.Item, ID: 1 << 16}, codec.Header{Kind: codec.Reply, ID: 1 << 16})
	seed(codec.Header{Kind: codec.Publish, ID: 2, To: "node.tip"}, codec.Header{Kind: codec.Subscribe, ID: 3})
	seed(codec.Header{Kind: codec.Drain, ID: 5}, codec.Header{Kind: codec.Unsubscribe, ID: 9}, codec.Header{Kind: codec.Hello})
	f.Fuzz(func(t *testing.T, data []byte) {
		b := bustest.New(t)
		echo := bus.Method[bus.None, bus.None]("node.chain.echo")
		mux := bus.NewMux()
		echo.Handle(mux, func(_ context.Context, n bus.None) (bus.None, error) { return n, nil })
		b.Conn(roles.Node, "node", mux)
		good, _ := b.Conn(roles.Worker, "worker.good", nil)
		hostile := link.New(b.Link(roles.Worker, "worker.bad"), false, link.Limits{})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- hostile.Run(ctx, deaf{}) }()
		messages := append([][2][]byte{{header(t, codec.Header{Kind: codec.Hello}), {0xa0}}}, frames(data)...)
		for _, m := range messages {
			mine, err := hostile.Send(link.Ordinary, m[0], m[1], nil)
			if err != nil {
				break // the broker has closed it
			}
			if mine {
				hostile.Flush()
			}
		}
		_, err := echo.Call(t.Context(), good, bus.None{})
		require.NoError(t, err)
		cancel()
		<-ended
		_, err = echo.Call(t.Context(), good, bus.None{})
		require.NoError(t, err)
	})
}
