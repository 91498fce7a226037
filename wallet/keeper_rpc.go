package wallet

import (
	"context"
	"maps"
	"os"
	"slices"

	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// loadResult is what createwallet and loadwallet return.
type loadResult struct {
	Name     string   `json:"name"`
	Warnings []string `json:"warnings,omitempty"`
}

func (k *keeper) table() rpc.Table {
	name := rpc.Param{Name: "wallet_name", Type: rpc.String, Word: rpc.Free, Help: "The name of the wallet."}
	onStartup := rpc.Param{Name: "load_on_startup", Type: rpc.Bool, Optional: true, Help: "Save wallet name to persistent settings and load on startup. True to add wallet to startup list, false to remove, null to leave unchanged."}
	flag := func(name, help string) rpc.Param {
		return rpc.Param{Name: name, Type: rpc.Bool, Optional: true, Default: "false", Help: help}
	}
	table := rpc.Table{
		{
			Name: "createwallet", Returns: loadResult{}, Category: "Wallet", Summary: "Creates a wallet and starts its process. Keys are derived as BIP84 says.",
			Params: []rpc.Param{
				name,
				flag("disable_private_keys", "Not supported."),
				flag("blank", "Not supported."),
				{Name: "passphrase", Type: rpc.String, Word: rpc.Free, Optional: true, Help: "Not supported."},
				flag("avoid_reuse", "Not supported."),
				{Name: "descriptors", Type: rpc.Bool, Optional: true, Default: "true", Help: "Must be true."},
				onStartup,
				flag("external_signer", "Not supported."),
			},
			Result: `{"name": "str"}`, Run: k.createCommand,
		},
		{
			Name: "loadwallet", Returns: loadResult{}, Category: "Wallet", Summary: "Starts the process of a wallet.",
			Params: []rpc.Param{{Name: "filename", Type: rpc.String, Word: rpc.Free, Help: "The name of the wallet."}, onStartup},
			Result: `{"name": "str"}`, Run: k.loadCommand,
		},
		{
			Name: "unloadwallet", Returns: loadResult{}, Category: "Wallet", Summary: "Ends the process of a wallet.",
			Params: []rpc.Param{
				{Name: "wallet_name", Type: rpc.String, Word: rpc.Free, Optional: true, Default: "the wallet of the request's path", Help: "The name of the wallet."},
				onStartup,
			},
			Result: `{}`, Run: k.unloadCommand,
		},
		{
			Name: "listwallets", Returns: []string{}, Category: "Wallet", Summary: "Returns the names of the wallets that are loaded.",
			Result: `["name", ...]`,
			Run: func(ctx context.Context, _ *rpc.Call) (any, error) {
				wallets, err := k.loaded(ctx)
				names := slices.Sorted(maps.Keys(wallets))
				return append([]string{}, names...), err
			},
		},
		{
			Name: "listwalletdir", Category: "Wallet", Summary: "Returns the wallets in the wallet directory.",
			Result: `{"wallets": [{"name": "str", "warnings": []}, ...]}`,
			Run:    func(context.Context, *rpc.Call) (any, error) { return k.directory() },
		},
	}
	for i := range table {
		table[i].Run = k.whenStarted(table[i].Run)
	}
	return table
}

// whenStarted serves a command when the keeper has its connection: it is on
// the bus a moment before.
func (k *keeper) whenStarted(run command) command {
	return func(ctx context.Context, call *rpc.Call) (any, error) {
		select {
		case <-k.started:
			return run(ctx, call)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (k *keeper) createCommand(ctx context.Context, call *rpc.Call) (any, error) {
	name, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	for _, i := range []int{1, 2, 4, 7} {
		if wanted, err := call.Bool(i, false); err != nil || wanted {
			return nil, orUnsupported(err)
		}
	}
	if passphrase, err := call.Text(3, ""); err != nil || passphrase != "" {
		return nil, orUnsupported(err)
	}
	if descriptors, err := call.Bool(5, true); err != nil || !descriptors {
		return nil, orUnsupported(err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.create(ctx, name); err != nil {
		return nil, err
	}
	return k.loadAndRemember(ctx, name, call, 6)
}

func orUnsupported(err error) error {
	if err != nil {
		return err
	}
	return rpc.Errorf(rpc.WalletError, "This wallet does not support that option: it holds BIP84 keys, without a passphrase")
}

func (k *keeper) loadCommand(ctx context.Context, call *rpc.Call) (any, error) {
	name, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.loadAndRemember(ctx, name, call, 1)
}

func (k *keeper) loadAndRemember(ctx context.Context, name string, call *rpc.Call, startupArg int) (any, error) {
	if err := k.load(ctx, name); err != nil {
		return nil, err
	}
	return loadResult{Name: name}, k.remember(ctx, name, call, startupArg)
}

func (k *keeper) remember(ctx context.Context, name string, call *rpc.Call, arg int) error {
	if !call.Has(arg) {
		return nil
	}
	wanted, err := call.Bool(arg, false)
	if err != nil {
		return err
	}
	_, err = msg.RememberWallet.Call(ctx, k.conn, msg.RememberWalletRequest{Name: name, Wanted: wanted})
	return err
}

func (k *keeper) unloadCommand(ctx context.Context, call *rpc.Call) (any, error) {
	name, err := call.Text(0, call.Wallet)
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Either the RPC endpoint wallet or the wallet name parameter must be provided")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.unload(ctx, name); err != nil {
		return nil, err
	}
	return loadResult{Name: name}, k.remember(ctx, name, call, 1)
}

func (k *keeper) directory() (any, error) {
	type entry struct {
		Name     string   `json:"name"`
		Warnings []string `json:"warnings"`
	}
	list := []entry{}
	folders, err := os.ReadDir(k.cfg.Dir)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	for _, f := range folders {
		if _, err := k.cfg.folder(f.Name()); err == nil && f.IsDir() {
			list = append(list, entry{f.Name(), []string{}})
		}
	}
	return map[string]any{"wallets": list}, nil
}
