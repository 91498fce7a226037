package rpc

import (
	"context"
	"errors"
	"os"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
	"github.com/bulkheadnode/bulkhead/internal/wording"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/snapshot"
)

// loadResult is what loadtxoutset shows.
type loadResult struct {
	Coins  uint64 `json:"coins_loaded"`
	Hash   string `json:"tip_hash"`
	Height int32  `json:"base_height"`
	Path   string `json:"path"`
}

func (n setFiles) loadTxOutSet(ctx context.Context, call *rpc.Call) (any, error) {
	path, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	path = n.absolute(path)
	file, err := n.open(ctx, call.File, path)
	if err != nil {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Couldn't open file %s for reading.", path)
	}
	defer file.Close()
	header, err := n.setHeader(file)
	if err != nil {
		return nil, rpc.Errorf(rpc.DeserializationErr, "Unable to parse metadata: %v", err)
	}
	base, err := n.Sets.Load(ctx, header, file)
	if errors.Is(err, chain.ErrInterrupted) {
		return nil, err
	}
	if err != nil {
		return nil, rpc.Errorf(rpc.InternalError, "Unable to load UTXO snapshot: %v. (%s)", err, path)
	}
	return loadResult{header.Coins, base.Hash.String(), base.Height, path}, nil
}

func (n setFiles) open(ctx context.Context, number uint64, path string) (*os.File, error) {
	if number != 0 {
		return n.givenFile(ctx, number)
	}
	return os.Open(path)
}

// setHeader reads the header of a file, which must be of our network.
func (n setFiles) setHeader(file *os.File) (coins.SetHeader, error) {
	header, err := coins.ReadSetHeader(file)
	if err != nil || header.Network == snapshot.Magic(n.Params.Net) {
		return header, err
	}
	if name := networkOf(header.Network); name != "" {
		return header, wording.Errorf("The network of the snapshot (%s) does not match the network of this node (%s).", name, n.Settings.Chain)
	}
	return header, wording.Errorf("This snapshot has been created for an unrecognized network. This could be a custom signet, a new testnet or possibly caused by data corruption.")
}

// networkOf returns the name of the chain with a magic, "" if there is none.
func networkOf(magic [4]byte) string {
	for _, c := range chains.All() {
		if snapshot.Magic(c.Params.Net) == magic {
			return c.Name
		}
	}
	return ""
}
