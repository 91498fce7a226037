package interop

import (
	"encoding/hex"
	"fmt"
	"path/filepath"
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
	n := startNode(t, "-blockfilterindex", "-peerblockfilters")
	get[[]string](n, "generatetoaddress", 1200, nobodys) // more than one batch of filter headers, with a checkpoint
	service := startNeutrino(t, n)
	requireSame(n, service, 1200)

	hash := get[string](n, "getblockhash", 1100)
	blockHash, err := chainhash.NewHashFromStr(hash)
	require.NoError(t, err)
	block, err := service.GetBlock(*blockHash)
	require.NoError(t, err)
	require.Equal(t, hash, block.Hash().String())

	get[[]string](n, "generatetoaddress", 5, nobodys)
	requireSame(n, service, 1205)
	get[any](n, "invalidateblock", get[string](n, "getblockhash", 1204))
	get[[]string](n, "generatetoaddress", 4, "bcrt1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qzf4jry")
	requireSame(n, service, 1207)
}
