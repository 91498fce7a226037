package peertest

import (
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

var here, there = netip.MustParseAddr("1.2.3.4"), netip.MustParseAddrPort("5.6.7.8:8333")

// connected runs a test with both ends of a connection over a line.
func connected(t *testing.T, line Line, test func(t *testing.T, n *Network, dialled, accepted net.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		n := New(func(_, _ netip.Addr) Line { return line })
		defer n.Close()
		l := n.Listen(there)
		dialled, err := n.Dialer(here)(t.Context(), "tcp", there.String())
		require.NoError(t, err)
		accepted, err := l.Accept()
		require.NoError(t, err)
		require.Equal(t, dialled.LocalAddr(), accepted.RemoteAddr())
		require.Equal(t, there.String(), dialled.RemoteAddr().String())
		test(t, n, dialled, accepted)
	})
}

// TestALineHasADelayAndARate: a round trip to connect, then the bytes at their rate
// behind the delay.
func TestALineHasADelayAndARate(t *testing.T) {
	began := time.Time{}
	synctest.Test(t, func(t *testing.T) {
		began = time.Now()
		n := New(func(_, _ netip.Addr) Line { return Line{Delay: time.Second, Rate: 1000} })
		defer n.Close()
		l := n.Listen(there)
		dialled, err := n.Dialer(here)(t.Context(), "tcp", there.String())
		require.NoError(t, err)
		require.Equal(t, 2*time.Second, time.Since(began))
		accepted, err := l.Accept()
		require.NoError(t, err)
		_, err = dialled.Write(make([]byte, 5000))
		require.NoError(t, err)
		require.Equal(t, 2*time.Second, time.Since(began), "there is room under way")
		_, err = io.ReadFull(accepted, make([]byte, 5000))
		require.NoError(t, err)
		require.Equal(t, (2+5+1)*time.Second, time.Since(began))
	})
}

// TestAWriterWaitsForItsReader, as with TCP's window.
func TestAWriterWaitsForItsReader(t *testing.T) {
	connected(t, Line{}, func(t *testing.T, _ *Network, dialled, accepted net.Conn) {
		require.NoError(t, dialled.SetWriteDeadline(time.Now().Add(time.Minute)))
		n, err := dialled.Write(make([]byte, 2*window))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, window, n)
		_, err = io.ReadFull(accepted, make([]byte, window))
		require.NoError(t, err)
		require.NoError(t, accepted.SetReadDeadline(time.Now().Add(time.Minute)))
		_, err = accepted.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	})
}

// TestWhatIsUnderWayArrives though the sender has hung up; the other direction is over.
func TestWhatIsUnderWayArrives(t *testing.T) {
	connected(t, Line{Delay: time.Second}, func(t *testing.T, _ *Network, dialled, accepted net.Conn) {
		_, err := dialled.Write([]byte("last words"))
		require.NoError(t, err)
		require.NoError(t, dialled.Close())
		words, err := io.ReadAll(accepted)
		require.NoError(t, err)
		require.Equal(t, "last words", string(words))
		_, err = accepted.Write([]byte("?"))
		require.Error(t, err)
	})
}

// TestApartNothingArrives, nobody is told, and all goes on when the ways are back.
func TestApartNothingArrives(t *testing.T) {
	connected(t, Line{}, func(t *testing.T, n *Network, dialled, accepted net.Conn) {
		n.Part(func(a, b netip.Addr) bool { return a != b })
		_, err := dialled.Write([]byte("hello"))
		require.NoError(t, err)
		require.NoError(t, accepted.SetReadDeadline(time.Now().Add(time.Hour)))
		_, err = accepted.Read(make([]byte, 5))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err = n.Dialer(here)(ctx, "tcp", there.String())
		require.ErrorIs(t, err, context.DeadlineExceeded, "a host out of reach does not answer")
		n.Part(nil)
		require.NoError(t, accepted.SetReadDeadline(time.Time{}))
		heard := make([]byte, 5)
		_, err = io.ReadFull(accepted, heard)
		require.NoError(t, err)
		require.Equal(t, "hello", string(heard))
	})
}

func TestNobodyListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(func(_, _ netip.Addr) Line { return Line{} })
		defer n.Close()
		_, err := n.Dialer(here)(t.Context(), "tcp", there.String())
		require.ErrorIs(t, err, errRefused)
		l := n.Listen(there)
		require.NoError(t, l.SetDeadline(time.Unix(1, 0)))
		_, err = l.Accept()
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.NoError(t, l.Close())
		_, err = l.Accept()
		require.ErrorIs(t, err, net.ErrClosed)
	})
}

// TestABranchIsFollowedWhenItIsTheLongest.
func TestABranchIsFollowedWhenItIsTheLongest(t *testing.T) {
	next := func(parent *wire.MsgBlock, nonce uint32) *wire.MsgBlock {
		return wire.NewMsgBlock(&wire.BlockHeader{PrevBlock: parent.BlockHash(), Nonce: nonce})
	}
	genesis := wire.NewMsgBlock(&wire.BlockHeader{})
	c := NewChain(genesis)
	a := next(genesis, 1)
	b1 := next(genesis, 2)
	b2 := next(b1, 3)
	c.Add(a)
	_, _, changed := c.Tip()
	c.Add(b1)
	hash, height, _ := c.Tip()
	require.Equal(t, a.BlockHash(), hash)
	require.Equal(t, 1, height)
	c.Add(next(next(genesis, 9), 9)) // it follows nothing
	c.Add(b2)
	<-changed
	hash, height, _ = c.Tip()
	require.Equal(t, b2.BlockHash(), hash)
	require.Equal(t, 2, height)
	require.Equal(t, []*wire.BlockHeader{&b1.Header, &b2.Header}, c.headersAfter(nil).Headers)
	require.Same(t, a, c.block(a.BlockHash()), "the other branch is there, too")
}
