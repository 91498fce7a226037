package bus_test

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/broker"
	"github.com/bulkheadnode/bulkhead/bus/link"
)

type heightRequest struct {
	Hash string `cbor:"1,keyasint"`
}

type heightReply struct {
	Height     int32 `cbor:"1,keyasint"`
	bus.Frames       // the block, raw
}

type newTip struct {
	Height int32 `cbor:"1,keyasint"`
}

// The vocabulary that both sides share; in the product it is package msg.
var (
	getHeight = bus.Method[heightRequest, heightReply]("node.chain.height")
	getChain  = bus.Stream[heightRequest, newTip]("node.chain.follow")
	tip       = bus.Topic[newTip]("node.tip")
)

// attach runs a part over a connection in memory. A process of its own has a
// socket instead, which package secure encrypts between machines.
func attach(ctx context.Context, b *broker.Broker, role rights.Role, mux *bus.Mux) *bus.Conn {
	theirs, ours := link.Pipe()
	go func() { _ = b.Serve(ctx, ours, broker.Identity{Role: role, Instance: string(role)}) }()
	conn := bus.New(theirs, bus.Config{Mux: mux})
	go func() { _ = conn.Run(ctx) }()
	<-conn.Ready()
	return conn
}

// A service offers methods, streams and topics; a client calls and listens.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b := broker.New(broker.Config{Table: bustest.Table()})

	mux := bus.NewMux()
	getHeight.Handle(mux, func(_ context.Context, req heightRequest) (heightReply, error) {
		if req.Hash != "00ff" {
			return heightReply{}, bus.Errorf("node.unknown-block", "%s", req.Hash)
		}
		return heightReply{Height: 170, Frames: bus.Frames{Attached: [][]byte{{1, 0, 0, 0}}}}, nil
	})
	getChain.Handle(mux, func(_ context.Context, _ heightRequest, send func(newTip) error) error {
		for height := range int32(3) {
			if err := send(newTip{Height: height}); err != nil {
				return err
			}
		}
		return nil
	})
	node := attach(ctx, b, roles.Node, mux)
	client := attach(ctx, b, roles.Worker, nil)

	reply, err := getHeight.Call(ctx, client, heightRequest{Hash: "00ff"})
	fmt.Println(reply.Height, len(reply.Attached[0]), err)
	_, err = getHeight.Call(ctx, client, heightRequest{Hash: "77"})
	fmt.Println(err, errors.Is(err, &bus.Error{Kind: "node.unknown-block"}))

	items, err := getChain.Open(ctx, client, heightRequest{}, bus.DefaultWindow)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer items.Close()
	for {
		item, err := items.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		fmt.Println("item", item.Height, err)
	}

	sub, err := client.Subscribe(ctx, tip.Name())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sub.Close()
	if err := tip.Publish(ctx, node, newTip{Height: 171}); err != nil {
		fmt.Println(err)
	}
	event, err := sub.Next(ctx)
	if err == nil {
		news, err := tip.Decode(event)
		fmt.Println(event.Topic, news.Height, event.Gap, err)
	}
	// Output:
	// 170 4 <nil>
	// node.chain.height: node.unknown-block: 77 true
	// item 0 <nil>
	// item 1 <nil>
	// item 2 <nil>
	// node.tip 171 0 <nil>
}
