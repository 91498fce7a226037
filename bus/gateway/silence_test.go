package gateway

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// TestAStalledPartHoldsUpNoOther: all threads and all of the queue of one part
// are taken, and the others answer.
func TestAStalledPartHoldsUpNoOther(t *testing.T) {
	f := newFixture(t, Config{Threads: 2, Queue: 3})
	f.startNode()
	mux := bus.NewMux()
	peers := rpc.Table{{Name: "getconnectioncount", Category: "Network", Run: func(context.Context, *rpc.Call) (any, error) { return 3, nil }}}
	require.NoError(t, peers.Announce(mux))
	f.bus.Conn(roles.Peers, "peers", mux)
	answers := make(chan int, 5)
	refused := make(chan int, 1)
	for range 6 {
		go func() {
			status, _, err := f.try("/", "joe", "secret", `{"method":"hold","id":1}`)
			if err != nil {
				status = -1
			}
			if status == http.StatusServiceUnavailable {
				refused <- status
				return
			}
			answers <- status
		}()
	}
	<-refused // two are served and three wait
	require.Eventually(t, func() bool {
		status, _ := f.post("/", `{"method":"getconnectioncount","id":1}`)
		return status == http.StatusOK
	}, 5*time.Second, time.Millisecond, "the gateway learns of the part")
	for _, method := range []string{"help", "getrpcinfo"} {
		status, text := f.post("/", `{"method":"`+method+`","id":1}`)
		require.Equal(t, http.StatusOK, status, text)
	}
	status, text := f.post("/", `[{"method":"getconnectioncount","id":1},{"method":"getblockcount","id":2}]`)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, `[{"result":3,"error":null,"id":1},{"result":null,"error":{"code":-32603,"message":"Work queue depth exceeded"},"id":2}]`, text)
	close(f.hold)
	for range 5 {
		require.Equal(t, http.StatusOK, <-answers)
	}
}

// TestLanesGoWhenTheyAreEmpty: names of instances come and go for ever.
func TestLanesGoWhenTheyAreEmpty(t *testing.T) {
	l := newLanes(1, 1)
	leave, err := l.enter(t.Context(), "wallet.a.")
	require.NoError(t, err)
	given, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = l.enter(given, "wallet.a.")
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, l.open, 1)
	leave()
	require.Empty(t, l.open)
}

// TestSilenceEndsCalls: those to the silent instance, no others, and those that
// begin later too, until it is heard again.
func TestSilenceEndsCalls(t *testing.T) {
	s := newSilence()
	require.False(t, s.needed(), "nobody waits")
	slow, over := s.begin(t.Context(), "node")
	stuck, overStuck := s.begin(t.Context(), "wallet.a.")
	require.True(t, s.needed())
	links := func(silent int64) []msg.LinkStats {
		return []msg.LinkStats{{Instance: "node", SilentMillis: 9_000}, {Instance: "wallet.a.", SilentMillis: silent}}
	}
	s.learn(links(19_000))
	require.NoError(t, stuck.Err(), "the answer to a ping may be on its way")
	s.learn(links(21_000))
	require.NoError(t, slow.Err())
	var silent *SilentError
	require.ErrorAs(t, context.Cause(stuck), &silent)
	require.Equal(t, "wallet.a. has not answered for 21 s", silent.Error())
	overStuck()
	over()
	require.True(t, s.needed(), "it may be heard again")

	next, over := s.begin(t.Context(), "wallet.a.")
	require.ErrorAs(t, context.Cause(next), &silent)
	over()
	s.learn(links(100))
	next, over = s.begin(t.Context(), "wallet.a.")
	require.NoError(t, next.Err())
	over()
	require.False(t, s.needed())
}

// TestAWalletThatDiesIsRestarting: it counts as loaded while the supervisor
// keeps it running, and no longer.
func TestAWalletThatDiesIsRestarting(t *testing.T) {
	f := newFixture(t, Config{})
	<-f.kept
	f.kept <- []msg.Compartment{{Instance: "wallet.a."}}
	f.startNode()
	keeper, wallet := bus.NewMux(), bus.NewMux()
	table := rpc.Table{{Name: "getbalance", Category: "Wallet", PerWallet: true, Run: func(context.Context, *rpc.Call) (any, error) { return 5, nil }}}
	require.NoError(t, table.Announce(keeper))
	f.bus.Conn(roles.Wallet, "wallet", keeper)
	require.NoError(t, table.Announce(wallet))
	wallet.SetMeta(msg.WalletMeta, []byte("a"))
	_, stop := f.bus.Conn(roles.Wallet, "wallet.a.", wallet)
	ask := func(path string) string {
		_, text := f.post(path, `{"jsonrpc":"2.0","method":"getbalance","id":1}`)
		return text
	}
	require.Eventually(t, func() bool { return strings.Contains(ask("/"), `"result":5`) }, 5*time.Second, time.Millisecond, "the gateway learns of the wallet")
	stop()
	for _, path := range []string{"/", "/wallet/a"} {
		require.Eventually(t, func() bool {
			return strings.Contains(ask(path), `"code":-28,"message":"Wallet \"a\" is restarting"`)
		}, 5*time.Second, time.Millisecond)
	}
	require.Contains(t, ask("/wallet/b"), `"code":-18`)
	<-f.kept
	f.kept <- nil
	require.Contains(t, ask("/wallet/a"), `"code":-18,"message":"Requested wallet does not exist or is not loaded"`)
	require.Contains(t, ask("/"), `"code":-18,"message":"No wallet is loaded.`)
}
