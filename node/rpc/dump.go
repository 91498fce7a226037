package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/snapshot"
)

func (n setFiles) table() rpc.Table {
	return rpc.Table{{
		Name: "dumptxoutset", Returns: snapshot.DumpResult{}, Category: "Blockchain", Run: n.dumpTxOutSet,
		Summary: "Write the serialized UTXO set to a file. This can be used in loadtxoutset afterwards if this snapshot height is supported in the chainparams as well.\n" +
			"For an earlier block than the tip, a temporary copy of the UTXO set is rolled back; the chain itself stays as it is.",
		Params: []rpc.Param{
			{Name: "path", Type: rpc.String, Word: rpc.Free, Help: "Path to the output file. If relative, will be prefixed by datadir."},
			{Name: "type", Type: rpc.String, Word: rpc.Free, Optional: true, Default: `""`, Help: `The type of snapshot to create. Can be "latest" to create a snapshot of the current UTXO set or "rollback" for that of an earlier block: the one of the "rollback" option, or else the latest that loadtxoutset knows.`},
			{Name: "options", Type: rpc.Object, Optional: true, Members: []string{"rollback", "in_memory"}, MemberWords: map[string]rpc.Word{"rollback": rpc.Either}, Inner: []rpc.Param{
				{Name: "rollback", Form: rpc.HeightOrHash, Optional: true, Help: "Height or hash of the block to roll back to"},
				{Name: "in_memory", Type: rpc.Bool, Optional: true, Default: "false", Help: "Keep the temporary copy in memory"},
			}},
		},
		Result: `{"coins_written": n, "base_hash": "hex", "base_height": n, "path": "str", "txoutset_hash": "hex", "nchaintx": n}`,
	}, {
		Name: "loadtxoutset", Returns: loadResult{}, Category: "Blockchain", Run: n.loadTxOutSet,
		Summary: "Load the serialized UTXO set from a file.\n" +
			"The chain goes on from it to the network's tip at once, while the blocks that led to it are downloaded and verified in the background. " +
			"Only sets whose hash is known to the software are accepted, so that it does not matter where the file comes from.",
		Params: []rpc.Param{{Name: "path", Type: rpc.String, Word: rpc.Free, Help: "path to the snapshot file. If relative, will be prefixed by datadir."}},
		Result: `{"coins_loaded": n, "tip_hash": "hex", "base_height": n, "path": "str"}`,
	}}
}

func (n setFiles) dumpTxOutSet(ctx context.Context, call *rpc.Call) (any, error) {
	path, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	d := snapshot.Dump{Path: n.absolute(path)}
	if call.File != 0 {
		d.Open = func() (*os.File, error) { return n.givenFile(ctx, call.File) }
	}
	if d.Target, err = n.dumpTarget(call, &d); err != nil {
		return nil, err
	}
	return n.Sets.Write(ctx, &d)
}

// dumpTarget finds out which set is to be written, and how.
func (n setFiles) dumpTarget(call *rpc.Call, d *snapshot.Dump) (*chain.BlockNode, error) {
	kind, err := call.Text(1, "")
	if err != nil {
		return nil, err
	}
	var options struct {
		Rollback json.RawMessage `json:"rollback"`
		InMemory bool            `json:"in_memory"`
	}
	if err := n.dumpOptions(call, &options); err != nil {
		return nil, err
	}
	d.InMemory = options.InMemory
	switch {
	case options.Rollback != nil && kind != "" && kind != "rollback":
		return nil, rpc.Errorf(rpc.InvalidParameter, `Invalid snapshot type "%s" specified with rollback option`, kind)
	case options.Rollback != nil:
		return n.hashOrHeight(options.Rollback)
	case kind == "rollback" && len(n.Params.Assumed) > 0:
		return n.atHeight(int64(n.Params.Assumed[len(n.Params.Assumed)-1].Height))
	case kind == "latest":
		return nil, nil
	}
	return nil, rpc.Errorf(rpc.InvalidParameter, `Invalid snapshot type "%s" specified. Please specify "rollback" or "latest"`, kind)
}

func (n setFiles) dumpOptions(call *rpc.Call, into any) error {
	if !call.Has(2) {
		return nil
	}
	err := rpc.CheckObject(call.Raw(2),
		rpc.Member{Name: "in_memory", Type: rpc.Bool, Optional: true}, rpc.Member{Name: "rollback", Optional: true})
	if err != nil {
		return err
	}
	return call.Decode(2, into)
}

var errNotGiven = errors.New("no file was given")

// givenFile returns a file that was opened for us.
func (n *Node) givenFile(ctx context.Context, number uint64) (*os.File, error) {
	if number == rpc.NoFile || n.Given == nil {
		return nil, errNotGiven
	}
	return n.Given(ctx, number)
}

// absolute returns a path that is relative to the chain's data directory.
func (n *Node) absolute(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(n.Settings.Dir, path)
}
