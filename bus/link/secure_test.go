package link_test

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/link"
	"github.com/bulkheadnode/bulkhead/bus/secure"
)

// TestALinkRunsOverCURVE: messages of all sizes pass in both directions, and
// the server's side learns who the peer says it is.
func TestALinkRunsOverCURVE(t *testing.T) {
	ends := connections(t)["tcp"]
	serverKey, clientKey := secure.Generate(), secure.Generate()
	server := secure.Server(ends[0], secure.ServerConfig{Key: serverKey, Authorize: func(secure.PublicKey) error { return nil }})
	client := secure.Client(ends[1], secure.ClientConfig{Key: clientKey, Server: serverKey.Public(), Identity: "afar"})

	broker, part := link.New(server, true, link.Limits{}), link.New(client, false, link.Limits{})
	atBroker, atPart := make(inbox, 8), make(inbox, 8)
	ctx, cancel := context.WithCancel(t.Context())
	var links sync.WaitGroup
	links.Go(func() { _ = broker.Run(ctx, atBroker) })
	links.Go(func() { _ = part.Run(ctx, atPart) })
	<-broker.Ready()
	require.Equal(t, "afar", broker.PeerIdentity())
	require.Equal(t, clientKey.Public(), server.Peer())
	<-part.Ready()
	for _, size := range []int{0, 1, 255, 256, 20_000, 70_000, 3 << 20} {
		frame := make([]byte, size)
		for i := range frame {
			frame[i] = byte(i * 7)
		}
		require.NoError(t, send(part, link.Ordinary, []byte("up"), []byte{1}, frame))
		require.Equal(t, [][]byte{[]byte("up"), {1}, frame}, <-atBroker)
		require.NoError(t, send(broker, link.Ordinary, []byte("down"), []byte{2}, frame))
		require.Equal(t, [][]byte{[]byte("down"), {2}, frame}, <-atPart)
	}
	cancel()
	links.Wait()
	require.ErrorIs(t, send(part, link.Ordinary, nil), link.ErrClosed)
	_, err := ends[0].Write([]byte{0})
	require.ErrorIs(t, err, net.ErrClosed)
}
