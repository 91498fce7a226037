package ship

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
	"github.com/bulkheadnode/bulkhead/cmd/internal/supervise"
)

// fakeParts is a node whose parts do nothing but say what becomes of them.
type fakeParts struct {
	t       *testing.T
	dir     string
	arrived chan string   // roles of the parts that are there
	loaded  chan struct{} // closed to let the keeper of wallets be ready
	stopped chan error    // what Run returned
	stop    func()        // as a signal does

	mu   sync.Mutex
	said []string
}

func (f *fakeParts) say(what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.said = append(f.said, what)
}

// heard returns what the parts said.
func (f *fakeParts) heard() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.said)
}

func (f *fakeParts) log() string {
	raw, err := os.ReadFile(filepath.Join(f.dir, "regtest", "debug.log"))
	if err != nil {
		return ""
	}
	return string(raw)
}

// run is every part: on the bus until it is told to end.
func (f *fakeParts) run(role rights.Role) supervise.Part {
	return func(ctx context.Context, env part.Env, _ json.RawMessage) error {
		mux := bus.NewMux()
		if role == roles.Node {
			msg.Halt.Handle(mux, func(context.Context, bus.None) (bus.None, error) {
				f.say("halt")
				return bus.None{}, nil
			})
		}
		return env.Serve(ctx, mux, rpc.Table{}, func(ctx context.Context, conn *bus.Conn) error {
			f.arrived <- string(role)
			defer f.say(string(role))
			if env.Name == walletKeeper {
				select {
				case <-f.loaded:
				case <-ctx.Done():
					return ctx.Err()
				}
				if _, err := msg.WalletsLoaded.Call(ctx, conn, bus.None{}); err != nil {
					return err
				}
			}
			<-ctx.Done()
			return ctx.Err()
		})
	}
}

// launch runs a node of such parts.
func launch(t *testing.T, args ...string) *fakeParts {
	f := &fakeParts{t: t, dir: t.TempDir(), arrived: make(chan string, 2048), loaded: make(chan struct{}), stopped: make(chan error, 1)}
	settings, err := config.Parse(append([]string{"-datadir=" + f.dir, "-regtest", "-multiprocess=0", "-listen=0", "-server=0"}, args...))
	require.NoError(t, err)
	layout, err := settings.Load(f.dir)
	require.NoError(t, err)
	parts := map[rights.Role]supervise.Part{}
	for _, role := range []rights.Role{roles.Node, roles.Peers, roles.Worker, roles.Wallet, roles.Notify, roles.Gateway} {
		parts[role] = f.run(role)
	}
	ctx, cancel := context.WithCancel(context.Background())
	f.stop = cancel
	go func() {
		f.stopped <- Run(ctx, Config{Settings: settings, Layout: layout, Version: "1.2.3", Parts: parts, Stdout: io.Discard})
	}()
	t.Cleanup(func() {
		cancel()
		f.stopped <- <-f.stopped
	})
	return f
}

// end waits for the end.
func (f *fakeParts) end() error {
	err := <-f.stopped
	f.stopped <- err
	return err
}

func (f *fakeParts) awaitLog(text string) {
	f.t.Helper()
	require.Eventually(f.t, func() bool { return strings.Contains(f.log(), text) }, time.Minute, 5*time.Millisecond)
}

// TestOrderOfTheEnd: the node is halted before anything ends, and ends when no
// other needs it.
func TestOrderOfTheEnd(t *testing.T) {
	f := launch(t, "-p2pworkers=2")
	close(f.loaded)
	for range 6 {
		<-f.arrived
	}
	f.awaitLog("Done loading")
	f.stop()
	require.NoError(t, f.end())
	said := f.heard()
	require.Len(t, said, 7)
	require.Equal(t, []string{"halt", "worker", "worker"}, said[:3])
	require.ElementsMatch(t, []string{"peers", "wallet"}, said[3:5])
	require.Equal(t, []string{"node", "notify"}, said[5:])
	log := f.log()
	require.Contains(t, log, "Shutdown: requested by a signal")
	require.Contains(t, log, "Shutdown done")
	require.NoFileExists(t, filepath.Join(f.dir, "regtest", "bitcoind.pid"))
}

// TestReadyWhenTheWalletsAre: not before, though all compartments are there.
func TestReadyWhenTheWalletsAre(t *testing.T) {
	f := launch(t, "-p2pworkers=1")
	for range 5 {
		<-f.arrived
	}
	require.NotContains(t, f.log(), "Done loading")
	close(f.loaded)
	f.awaitLog("Done loading")
	f.stop()
	require.NoError(t, f.end())
}

// TestManyWorkers: each is attached, however many come at once.
func TestManyWorkers(t *testing.T) {
	for _, count := range []string{"400", "1000"} {
		f := launch(t, "-p2pworkers="+count)
		close(f.loaded)
		f.awaitLog("Done loading")
		f.stop()
		require.NoError(t, f.end())
		require.Equal(t, 1, strings.Count(f.log(), "Done loading"))
	}
}

// TestAMissingDataDirectoryIsSaidAtTheEnd: nobody can write there any more.
func TestAMissingDataDirectoryIsSaidAtTheEnd(t *testing.T) {
	f := launch(t, "-p2pworkers=1")
	close(f.loaded)
	f.awaitLog("Done loading")
	require.NoError(t, os.RemoveAll(f.dir))
	f.stop()
	require.ErrorContains(t, f.end(), "is gone. What was not written there yet is lost.")
}

func TestReadiness(t *testing.T) {
	r := newReadiness([]string{"node", "peers"})
	r.arrived("gateway")
	r.arrived("node")
	r.arrived("node")
	require.Equal(t, []string{"peers"}, r.waiting())
	select {
	case <-r.ready:
		require.Fail(t, "peers are missing")
	default:
	}
	r.arrived("peers")
	<-r.ready
	r.arrived("peers")
	require.Empty(t, r.waiting())
	<-newReadiness(nil).ready
}
