package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"os"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/poolfile"
)

func (n mempoolQueries) fileCommands() rpc.Table {
	return rpc.Table{{
		Name: "savemempool", Returns: map[string]string{}, Category: "Blockchain", Run: n.saveMempool,
		Summary: "Dumps the mempool to disk. It will fail until the previous dump is fully loaded.",
		Result:  `{"filename": "str"}    the directory and file where the mempool was saved`,
	}, {
		Name: "importmempool", Returns: struct{}{}, Category: "Blockchain", Run: n.importMempool, Result: "{}",
		Summary: "Import a mempool.dat file and attempt to add its contents to the mempool.\n" +
			"Warning: Importing untrusted files is dangerous, especially if metadata from the file is taken over.",
		Params: []rpc.Param{
			{Name: "filepath", Type: rpc.String, Word: rpc.Free, Help: "The mempool file"},
			{
				Name: "options", Type: rpc.Object, Optional: true, Short: "options", Members: []string{"use_current_time", "apply_fee_delta_priority", "apply_unbroadcast_set"},
				Inner: []rpc.Param{
					{Name: "use_current_time", Type: rpc.Bool, Optional: true, Default: "true", Help: "The time of entry is now, and not that of the file"},
					{Name: "apply_fee_delta_priority", Type: rpc.Bool, Optional: true, Default: "false", Help: "Add what prioritisetransaction had added"},
					{Name: "apply_unbroadcast_set", Type: rpc.Bool, Optional: true, Default: "false", Help: "Announce again what no peer had asked for"},
				},
			},
		},
	}}
}

func (n mempoolQueries) saveMempool(ctx context.Context, call *rpc.Call) (any, error) {
	if !n.Pools.Loaded() {
		return nil, rpc.Errorf(rpc.MiscError, "%v", poolfile.ErrNotLoaded)
	}
	var open func(context.Context) (*os.File, error)
	if call.File != 0 {
		open = func(ctx context.Context) (*os.File, error) { return n.givenFile(ctx, call.File) }
	}
	if err := n.Pools.Save(ctx, open); err != nil {
		n.Log.Info("Failed to dump mempool: " + err.Error() + ". Continuing anyway.")
		return nil, rpc.Errorf(rpc.MiscError, "Unable to dump mempool to disk")
	}
	return map[string]string{"filename": n.Pools.Path()}, nil
}

func (n mempoolQueries) importMempool(ctx context.Context, call *rpc.Call) (any, error) {
	path, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	use, err := importOptions(call)
	if err != nil {
		return nil, err
	}
	if n.Tree.View().Initial {
		return nil, rpc.Errorf(rpc.InInitialDownload, "Can only import the mempool after the block download and sync is done.")
	}
	err = func() error {
		file, err := n.openFile(ctx, call, path)
		if err != nil {
			return err
		}
		return errors.Join(n.Pools.Import(ctx, file, use), file.Close())
	}()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		n.Log.Info("Failed to deserialize mempool data on file: " + err.Error() + ". Continuing anyway.")
		return nil, rpc.Errorf(rpc.MiscError, "Unable to import mempool file, see debug log for details.")
	}
	return struct{}{}, nil
}

func importOptions(call *rpc.Call) (use poolfile.Import, err error) {
	if !call.Has(1) {
		return use, nil
	}
	var options struct {
		Now     *bool `json:"use_current_time"`
		Deltas  bool  `json:"apply_fee_delta_priority"`
		Unheard bool  `json:"apply_unbroadcast_set"`
	}
	err = rpc.CheckObject(call.Raw(1), rpc.Member{Name: "use_current_time", Type: rpc.Bool, Optional: true},
		rpc.Member{Name: "apply_fee_delta_priority", Type: rpc.Bool, Optional: true}, rpc.Member{Name: "apply_unbroadcast_set", Type: rpc.Bool, Optional: true})
	if err == nil {
		err = json.Unmarshal(call.Raw(1), &options)
	}
	return poolfile.Import{Times: options.Now != nil && !*options.Now, Deltas: options.Deltas, Unheard: options.Unheard}, err
}

// openFile opens the file that a user names, or takes the one that was opened for us.
func (n *Node) openFile(ctx context.Context, call *rpc.Call, path string) (*os.File, error) {
	if call.File != 0 {
		return n.givenFile(ctx, call.File)
	}
	return os.Open(n.absolute(path))
}
