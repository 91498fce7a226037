package main_test

import (
	"compress/gzip"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Heights of the chain in regtest399.dat.gz, which has a block whose UTXO set
// every release knows.
const (
	knownSet   = 299
	wholeChain = 399
)

// regtestBlocks unpacks that chain, a file as -loadblock takes it, and returns
// its path and the headers.
func regtestBlocks(t testing.TB) (path string, headers []string) {
	t.Helper()
	packed, err := os.Open(filepath.Join("testdata", "regtest399.dat.gz"))
	require.NoError(t, err)
	defer packed.Close()
	unpacked, err := gzip.NewReader(packed)
	require.NoError(t, err)
	raw, err := io.ReadAll(unpacked)
	require.NoError(t, err)
	path = filepath.Join(t.TempDir(), "blocks.dat")
	require.NoError(t, os.WriteFile(path, raw, 0o600))
	for len(raw) > 0 {
		size := binary.LittleEndian.Uint32(raw[4:])
		headers = append(headers, hex.EncodeToString(raw[8:88]))
		raw = raw[8+size:]
	}
	require.Len(t, headers, wholeChain)
	return path, headers
}

// chainStates returns the heights of the chains that a node has.
func (n *node) chainStates() ([]int, error) {
	raw, err := n.call("getchainstates")
	if err != nil {
		return nil, err
	}
	var states struct {
		Chainstates []struct{ Blocks int }
	}
	err = json.Unmarshal(raw, &states)
	heights := make([]int, len(states.Chainstates))
	for i, s := range states.Chainstates {
		heights[i] = s.Blocks
	}
	return heights, err
}

// killSoon kills the node's process at a random moment, or when done is closed.
func (n *node) killSoon(r *rand.Rand, within time.Duration, done <-chan struct{}) {
	n.t.Helper()
	moment := time.NewTimer(time.Duration(r.Int64N(int64(within))))
	defer moment.Stop()
	select {
	case <-moment.C:
	case <-done:
	}
	for _, pid := range n.pids("node") {
		kill(n.t, pid)
	}
	n.eventually("the node's return", func() error { _, err := n.chainStates(); return err })
}

// A UTXO set is loaded and what led to it is verified, though the process is
// killed at any moment of either.
func TestLoadedSetSurvivesKills(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	file, headers := regtestBlocks(t)
	server := startNode(t, "regtest", "-loadblock="+file)
	server.awaitHeight(wholeChain)
	dump := server.object("dumptxoutset", "set", "rollback")
	require.EqualValues(t, knownSet, dump["base_height"])

	n := startNode(t, "regtest")
	for range 4 {
		for _, header := range headers {
			n.must("submitheader", header)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = n.call("loadtxoutset", dump["path"]) // it may be killed meanwhile
		}()
		n.killSoon(r, 100*time.Millisecond, done)
		<-done
		states, err := n.chainStates()
		require.NoError(t, err)
		if len(states) > 1 {
			break
		}
		require.Equal(t, []int{0}, states)
		require.Empty(t, n.loadedSet())
	}
	if states, err := n.chainStates(); err == nil && len(states) == 1 {
		for _, header := range headers {
			n.must("submitheader", header)
		}
		n.must("loadtxoutset", dump["path"])
	}
	states, err := n.chainStates()
	require.NoError(t, err)
	require.Equal(t, []int{0, knownSet}, states)

	n.must("addnode", fmt.Sprintf("127.0.0.1:%d", server.p2pPort), "add")
	for range 4 {
		n.killSoon(r, 500*time.Millisecond, nil)
	}
	n.eventually("the whole chain, verified", func() error {
		states, err := n.chainStates()
		if err == nil && (len(states) != 1 || states[0] != wholeChain) {
			err = fmt.Errorf("at %v", states)
		}
		return err
	})
	require.Equal(t, server.object("gettxoutsetinfo")["hash_serialized_3"], n.object("gettxoutsetinfo")["hash_serialized_3"])
	n.stop()
	n.start()
	require.Empty(t, n.loadedSet())
	require.Equal(t, true, n.must("verifychain", 4, 0))
	require.Equal(t, server.object("gettxoutsetinfo")["hash_serialized_3"], n.object("gettxoutsetinfo")["hash_serialized_3"])
}

// loadedSet lists the files of a set that was loaded; the folder is there while the node
// runs.
func (n *node) loadedSet() []os.DirEntry {
	entries, err := os.ReadDir(filepath.Join(n.net, "chainstate_snapshot"))
	require.NoError(n.t, err)
	return entries
}
