package manager

import (
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// The map of Bitcoin Core's tests: three systems for 101.0.0.0 to 101.3.0.0.
const testMap = "fb03ec0fb03fc0fe00fb03ec0fb03fc0fe00fb03ec0fb0fffffeffedb0ffd486e628290000400000400040990100800180040000050006001cf039"

// TestAMapOfSystems: the book, the health line and the commands go by it, and a book
// that was kept by another way to draw groups is kept by it from then on.
func TestAMapOfSystems(t *testing.T) {
	raw, err := hex.DecodeString(testMap)
	require.NoError(t, err)
	cfg := Config{DataDir: t.TempDir(), Regtest: true, Test: []string{"addrman"}}
	plain := newShip(t, cfg)
	for _, tt := range []string{`["101.0.0.0",8333,true]`, `["101.1.0.0",8333,true]`, `["101.2.0.0",8333]`, `["101.3.0.0",8333]`} {
		plain.succeeds("addpeeraddress", tt)
	}
	plain.savePeers()
	before := plain.succeeds("getrawaddrman", `[]`)

	cfg.ASMap, cfg.ASMapFile, cfg.CheckBook = raw, "a.map", 1
	s := newShip(t, cfg)
	log := &strings.Builder{}
	s.env.Logger = slog.New(slog.NewTextHandler(log, nil))
	require.Equal(t, 4, s.book.Len())
	require.NoError(t, s.book.Verify())
	require.NotEqual(t, before, s.succeeds("getrawaddrman", `[]`))
	s.checkHealth()
	require.Contains(t, log.String(), "4 clearnet peers are mapped to 3 ASNs with 0 peers being unmapped")
	s.tellGroups()
	require.Contains(t, log.String(), "Using asmap version bafc9da308f45179443bd1d22325400ac9104f741522d003e3fac86700f68895 for IP bucketing")
	for _, e := range s.succeeds("getrawaddrman", `[]`).(rawTables).Tried {
		require.NotZero(t, e.MappedAS)
		require.NotZero(t, e.SourceAS)
	}
	s.succeeds("getnodeaddresses", `[0]`)
	require.NotContains(t, log.String(), "FAILED")
	s.fails(-1, "No embedded ASMap data available", "exportasmap", `["x"]`)

	// Two of one system are one group.
	w := s.worker("worker.1", 0)
	w.open("101.2.0.0:1", 0)
	same := map[uint64]int{}
	for _, text := range []string{"101.0.0.0", "101.1.0.0", "101.2.0.0", "101.3.0.0"} {
		host, _ := p2p.ParseHost(text)
		same[s.keyedGroup(host)]++
	}
	require.Len(t, same, 3)

	cfg.ASMap = raw[1:]
	_, err = newManager(s.env, cfg.withDefaults())
	require.EqualError(t, err, `Could not parse asmap file "a.map"`)
}

// TestABanOfASystem ends its connections, keeps others of it away, and outlives the
// manager; without a map nothing can be said of it.
func TestABanOfASystem(t *testing.T) {
	raw, err := hex.DecodeString(testMap)
	require.NoError(t, err)
	cfg := Config{DataDir: t.TempDir(), ASMap: raw, ASMapFile: "a.map"}
	s := newShip(t, cfg)
	host, _ := p2p.ParseHost("101.1.0.0")
	system := fmt.Sprintf(`["AS%d","add"]`, s.asmap.System(host))
	w := s.worker("worker.1", 0)
	inside, outside := w.accept("101.1.0.0:5"), w.accept("9.9.9.9:5")
	s.succeeds("setban", system)
	orders := w.orders()
	require.Len(t, orders, 1)
	require.Equal(t, inside, orders[0].Disconnect.Peer)
	require.NotEqual(t, outside, orders[0].Disconnect.Peer)
	require.NotEmpty(t, w.open("101.1.0.0:6", 0).Refused)
	s.fails(rpc.ClientNodeAdded, "Error: IP/Subnet already banned", "setban", system)
	again := newShip(t, cfg)
	require.NotEmpty(t, again.worker("worker.1", 0).open("101.1.0.0:6", 0).Refused)
	s.succeeds("setban", strings.Replace(system, "add", "remove", 1))
	require.Empty(t, w.open("101.1.0.0:7", 0).Refused)

	plain := newShip(t, Config{})
	plain.fails(rpc.InvalidParameter, "Error: Which addresses are in an autonomous system is known with -asmap only", "setban", system)
}
