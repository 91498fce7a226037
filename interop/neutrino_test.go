package interop

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/btcsuite/btcwallet/walletdb"
	_ "github.com/btcsuite/btcwallet/walletdb/bdb"
	"github.com/lightninglabs/neutrino"
	"github.com/stretchr/testify/require"
)

const patience = 2 * time.Minute

// node is a Bulkhead that serves filters.
type node struct {
	t            *testing.T
	dir          string
	p2p, rpcPort int
}

func freePort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func startNode(t *testing.T) *node {
	n := &node{t: t, dir: t.TempDir(), p2p: freePort(t), rpcPort: freePort(t)}
	program := filepath.Join(t.TempDir(), "bulkhead")
	build := exec.Command("go", "build", "-o", program, "./cmd/bulkhead")
	build.Dir = ".."
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	cmd := exec.Command(program, "-regtest", "-datadir="+n.dir, "-blockfilterindex", "-peerblockfilters", "-fallbackfee=0.0001",
		fmt.Sprintf("-bind=127.0.0.1:%d", n.p2p), fmt.Sprintf("-rpcport=%d", n.rpcPort))
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		require.NoError(t, cmd.Wait(), "%s", &log)
	})
	n.until("it answers", func() bool { _, err := n.ask("getblockcount"); return err == nil })
	return n
}

// until asks again until something is so.
func (n *node) until(what string, so func() bool) {
	n.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); !so(); {
		select {
		case <-tick.C:
		case <-deadline:
			require.Fail(n.t, "it does not come about", what)
		}
	}
}

func (n *node) ask(method string, params ...any) (json.RawMessage, error) {
	cookie, err := os.ReadFile(filepath.Join(n.dir, "regtest", ".cookie"))
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]any{"id": 1, "method": method, "params": append([]any{}, params...)})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(n.t.Context(), http.MethodPost, fmt.Sprintf("http://127.0.0.1:%d/", n.rpcPort), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	user, password, _ := strings.Cut(string(cookie), ":")
	req.SetBasicAuth(user, password)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var reply struct {
		Result json.RawMessage
		Error  *struct{ Message string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&reply); err != nil {
		return nil, err
	}
	if reply.Error != nil {
		return nil, fmt.Errorf("%s: %s", method, reply.Error.Message)
	}
	return reply.Result, nil
}

func get[T any](n *node, method string, params ...any) (v T) {
	n.t.Helper()
	raw, err := n.ask(method, params...)
	require.NoError(n.t, err)
	require.NoError(n.t, json.Unmarshal(raw, &v))
	return v
}

func startNeutrino(t *testing.T, n *node) *neutrino.ChainService {
	dir := t.TempDir()
	db, err := walletdb.Create("bdb", filepath.Join(dir, "neutrino.db"), true, time.Minute, false)
	require.NoError(t, err)
	service, err := neutrino.NewChainService(neutrino.Config{
		DataDir: dir, Database: db, ChainParams: chaincfg.RegressionNetParams,
		ConnectPeers: []string{fmt.Sprintf("127.0.0.1:%d", n.p2p)},
	})
	require.NoError(t, err)
	require.NoError(t, service.Start(t.Context()))
	t.Cleanup(func() {
		require.NoError(t, service.Stop())
		require.NoError(t, db.Close())
	})
	return service
}

// requireSame compares what neutrino has of our chain with the node's.
func requireSame(n *node, service *neutrino.ChainService, height uint32) {
	n.until(fmt.Sprintf("neutrino is at %d", height), func() bool {
		_, blocks, err := service.BlockHeaders.ChainTip()
		require.NoError(n.t, err)
		_, filters, err := service.RegFilterHeaders.ChainTip()
		require.NoError(n.t, err)
		return blocks == height && filters == height
	})
	for at := uint32(0); at <= height; at += 1 + height/20 {
		hash := get[string](n, "getblockhash", at)
		header, err := service.BlockHeaders.FetchHeaderByHeight(at)
		require.NoError(n.t, err)
		require.Equal(n.t, hash, header.BlockHash().String())
		ours := get[struct{ Filter, Header string }](n, "getblockfilter", hash)
		theirs, err := service.RegFilterHeaders.FetchHeaderByHeight(at)
		require.NoError(n.t, err)
		require.Equal(n.t, ours.Header, theirs.String())
		blockHash, err := chainhash.NewHashFromStr(hash)
		require.NoError(n.t, err)
		filter, err := service.GetCFilter(*blockHash, wire.GCSFilterRegular)
		require.NoError(n.t, err)
		raw, err := filter.NBytes()
		require.NoError(n.t, err)
		require.Equal(n.t, ours.Filter, hex.EncodeToString(raw))
	}
}

// Neutrino, which Lightning wallets run, syncs headers and filters from us, verifies
// them, fetches blocks, and follows the chain through a reorganisation.
func TestNeutrinoSyncsFiltersFromUs(t *testing.T) {
	n := startNode(t)
	const address = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
	get[[]string](n, "generatetoaddress", 1200, address) // more than one batch of filter headers, with a checkpoint
	service := startNeutrino(t, n)
	requireSame(n, service, 1200)

	hash := get[string](n, "getblockhash", 1100)
	blockHash, err := chainhash.NewHashFromStr(hash)
	require.NoError(t, err)
	block, err := service.GetBlock(*blockHash)
	require.NoError(t, err)
	require.Equal(t, hash, block.Hash().String())

	get[[]string](n, "generatetoaddress", 5, address)
	requireSame(n, service, 1205)
	get[any](n, "invalidateblock", get[string](n, "getblockhash", 1204))
	get[[]string](n, "generatetoaddress", 4, "bcrt1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qzf4jry")
	requireSame(n, service, 1207)
}
