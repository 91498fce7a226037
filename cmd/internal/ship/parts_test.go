package ship

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/gateway"
	"github.com/bulkheadnode/bulkhead/cmd/internal/supervise"
	"github.com/bulkheadnode/bulkhead/cmd/internal/version"
	"github.com/bulkheadnode/bulkhead/notify"
	"github.com/bulkheadnode/bulkhead/p2pworker"
	"github.com/bulkheadnode/bulkhead/wallet"
)

// TestPartSettings: what the command line says reaches the part that it is for.
func TestPartSettings(t *testing.T) {
	s, layout := settingsOf(t, "-addnode= ", "-addnode=some.node", "-p2pworkers=perpeer", "-rpcthreads=3", "-rpcworkqueue=5", "-blocksonly", "-prune=550",
		"-zmqpubhashblock=tcp://127.0.0.1:28332", "-zmqpubhashblockhwm=7", "-uacomment=x", "-minrelaytxfee=0.00002", "-wallet=a", "-reindex")
	p, err := newPartSettings(Config{Settings: s, Layout: layout, Version: "1.2.3"}, nil, nil, []gateway.Account{{User: "joe"}})
	require.NoError(t, err)
	require.Equal(t, 3, p.gateway.Threads)
	require.Equal(t, 5, p.gateway.Queue)
	require.False(t, p.gateway.REST || p.gateway.ListedOnly)
	require.Equal(t, []gateway.Account{{User: "joe"}}, p.gateway.Accounts)
	require.Equal(t, []notify.Publication{{Topic: notify.HashBlock, Address: "tcp://127.0.0.1:28332", HighWaterMark: 7}}, p.notify.Publications)
	keeper, ok := p.keeperOfWallets(slog.New(slog.DiscardHandler)).Settings.(wallet.Config)
	require.True(t, ok)
	require.Equal(t, []string{"a"}, keeper.Load)
	require.Zero(t, p.workers.count, "the manager asks for them")
	require.Equal(t, int64(2000), p.node.MinRelay)
	spec := p.worker("worker.1")
	worker, ok := spec.Settings.(p2pworker.Config)
	require.True(t, ok)
	require.Equal(t, supervise.Once, spec.Policy)
	require.Equal(t, 1, worker.Capacity)
	require.Equal(t, "/Satoshi:"+version.Reference+"/Bulkhead:1.2.3(x)/", worker.UserAgent)
	require.True(t, worker.BlocksOnly)
	manager := p.manager()
	require.Equal(t, 319900, manager.ClientVersion)
	require.Equal(t, idlePool, manager.IdleWorkers)
	require.Equal(t, []string{"some.node"}, manager.AddNode)
	require.ElementsMatch(t, []string{"node", "peers", "notify", "worker", "wallet", loadedWallets}, p.required())
	specs, err := p.initial(slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	for _, c := range specs {
		if c.Instance == "node" {
			require.NotEqual(t, c.Settings, c.Again, "what was wiped once is not wiped again")
		}
	}
	for _, bad := range []string{"-p2pworkers=1025", "-testactivationheight=x", "-blockfilterindex=extended", "-uacomment=(", "-rpcallowip=x"} {
		s, layout := settingsOf(t, bad)
		_, err := newPartSettings(Config{Settings: s, Layout: layout}, nil, nil, nil)
		require.Error(t, err, bad)
	}
}

// TestServicesTellWhatIsServed, to peers and in getnetworkinfo.
func TestServicesTellWhatIsServed(t *testing.T) {
	const always = wire.SFNodeNetworkLimited | wire.SFNodeWitness
	for option, want := range map[string]wire.ServiceFlag{
		"-v2transport":   always | wire.SFNodeNetwork | wire.SFNodeP2PV2,
		"-regtest":       always | wire.SFNodeNetwork | wire.SFNodeP2PV2,
		"-v2transport=0": always | wire.SFNodeNetwork,
		"-nov2transport": always | wire.SFNodeNetwork,
		"-prune=550":     always | wire.SFNodeP2PV2,
	} {
		s, layout := settingsOf(t, option)
		p, err := newPartSettings(Config{Settings: s, Layout: layout}, nil, nil, nil)
		require.NoError(t, err)
		require.Equal(t, want, p.manager().Services, option)
		worker, ok := p.worker("worker.1").Settings.(p2pworker.Config)
		require.True(t, ok)
		require.Equal(t, want, worker.Services, option)
	}
}

func TestGreeting(t *testing.T) {
	s, layout := settingsOf(t, "-zmqpubrawtx=tcp://127.0.0.1:28333")
	p, err := newPartSettings(Config{Settings: s, Layout: layout}, nil, nil, nil)
	require.NoError(t, err)
	ship := &ship{cfg: Config{Layout: layout, Version: "1.2.3"}, parts: p}
	var b bytes.Buffer
	fmt.Fprint(&b, ship.greeting())
	require.Contains(t, b.String(), fmt.Sprintf("Bulkhead 1.2.3 on regtest is ready (pid %d).\n", os.Getpid()))
	require.Contains(t, b.String(), "zmq   rawtx on tcp://127.0.0.1:28333\n")
	require.Contains(t, b.String(), "data  "+layout.Net+"\n")
}

func TestPIDFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	require.NoError(t, writePID(path))
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("%d\n", os.Getpid()), string(raw))
	require.EqualError(t, writePID(filepath.Join(path, "x")), fmt.Sprintf("Unable to create the PID file '%s': not a directory", filepath.Join(path, "x")))
}

func TestWhoMayCallWhat(t *testing.T) {
	for _, tc := range []struct {
		args []string
		only bool
	}{
		{[]string{"-rest", "-rpcwhitelist=joe:stop"}, true},
		{[]string{"-rest", "-rpcwhitelist=joe:stop", "-rpcwhitelistdefault=0"}, false},
		{[]string{"-rest", "-rpcwhitelist=joe:stop,help", "-rpcwhitelist=joe:stop", "-rpcwhitelistdefault"}, true},
	} {
		s, layout := settingsOf(t, tc.args...)
		p, err := newPartSettings(Config{Settings: s, Layout: layout, Version: "1.2.3"}, nil, nil, nil)
		require.NoError(t, err)
		require.True(t, p.gateway.REST)
		require.Equal(t, gateway.Whitelists{"joe": {"stop"}}, p.gateway.Whitelists)
		require.Equal(t, tc.only, p.gateway.ListedOnly, tc.args)
	}
}
