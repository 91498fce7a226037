package main_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// mainnetTip is block 14131.
const mainnetTip = "00000000b3e750f37fdb42e1018799a9f44b546d393b130b369590a072430a1c"

// mainnetArgs let a node take a chain for current whose tip is from 2009.
func mainnetArgs(more ...string) []string {
	return append([]string{"-minimumchainwork=0", "-maxtipage=1000000000", "-listen=0", "-disablewallet"}, more...)
}

// requireMainnetState checks the UTXO set after block 14131 against the
// figures of an independent node.
func requireMainnetState(n *node) {
	n.t.Helper()
	require.Equal(n.t, 14131, n.height())
	require.Equal(n.t, mainnetTip, n.tip())
	raw, err := n.call("gettxoutsetinfo")
	require.NoError(n.t, err)
	var info struct {
		Height       int
		Txouts       int
		Bogosize     int
		Transactions int
		Hash         string      `json:"hash_serialized_3"`
		Total        json.Number `json:"total_amount"`
	}
	require.NoError(n.t, json.Unmarshal(raw, &info))
	require.Equal(n.t, 13416, info.Txouts)
	require.Equal(n.t, "706550.00000000", info.Total.String())
	require.Equal(n.t, 1567404, info.Bogosize)
	require.Equal(n.t, 13407, info.Transactions)
	require.Equal(n.t, "74c5a654587d4eaac9248b73889453e0b2fbc918bbc7bb8d8e6301d4d8c98db3", info.Hash)
	require.Equal(n.t, "859e27f17a6cce9768b75dd0dbd969890157d29a152b0f4a0afa6c67cbcd5975",
		n.object("gettxoutsetinfo", "muhash")["muhash"])
}

func TestSyncsMainnetBlocksFromAPeer(t *testing.T) {
	for name, args := range map[string][]string{
		"perpeer":    {"-p2pworkers=perpeer"},
		"one worker": {"-p2pworkers=1"},
		"in process": {"-multiprocess=0"},
	} {
		t.Run(name, func(t *testing.T) {
			server := startBlockServer(t)
			began := time.Now()
			n := startNode(t, "main", mainnetArgs(append(args, "-connect="+server)...)...)
			n.awaitHeight(14131)
			t.Logf("%s: synced in %d ms, start included", name, time.Since(began).Milliseconds())
			requireMainnetState(n)
			n.stop()
			n.start("-noconnect")
			requireMainnetState(n)
			n.stop()
		})
	}
}

func TestLoadsMainnetBlocksFromAFile(t *testing.T) {
	n := startNode(t, "main", mainnetArgs("-noconnect", "-loadblock="+mainnetBlocks(t))...)
	n.awaitHeight(14131)
	requireMainnetState(n)
	n.stop()
}
