package wallet

import (
	"context"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// commands are a wallet's as JSON-RPC clients see it.
type commands struct{ *wallet }

// Commands lists what wallets, and the keeper of their list, offer to JSON-RPC
// clients.
func Commands() rpc.Table { return append(commands{&wallet{}}.table(), (&keeper{}).table()...) }

// table is the commands of one wallet.
func (w commands) table() rpc.Table {
	txid := rpc.Param{Name: "txid", Type: rpc.String, Form: rpc.Hex, Help: "The transaction id"}
	watchonly := rpc.Param{Name: "include_watchonly", Type: rpc.Bool, Optional: true, Default: "false", Help: "(DEPRECATED) No longer used"}
	table := rpc.Table{
		{
			Name: "getnewaddress", Examples: []string{`[]`, `["rent"]`}, Returns: "", Summary: "Returns a new Bitcoin address for receiving payments.",
			Params: []rpc.Param{
				{Name: "label", Type: rpc.String, Word: rpc.Free, Optional: true, Default: `""`, Help: "The label name for the address to be linked to."},
				{Name: "address_type", Type: rpc.String, Word: rpc.Free, Optional: true, Default: `"bech32"`, Help: `The address type to use: "bech32".`},
			},
			Result: `"str"    (string) The new bitcoin address`, Run: w.newAddressCommand,
		},
		{
			Name: "getrawchangeaddress", Returns: "", Summary: "Returns a new Bitcoin address, for receiving change.",
			Params: []rpc.Param{{Name: "address_type", Type: rpc.String, Optional: true, Default: `"bech32"`, Help: `The address type to use: "bech32".`}},
			Result: `"str"    (string) The address`, Run: w.changeAddressCommand,
		},
		{
			Name: "getaddressinfo", Returns: addressInfo{}, Summary: "Return information about the given bitcoin address.",
			Params: []rpc.Param{{Name: "address", Type: rpc.String, Help: "The bitcoin address for which to get information."}},
			Result: `{"address": "str", "scriptPubKey": "hex", "ismine": bool, "solvable": bool, "ischange": bool, "hdkeypath": "str", "labels": ["str"], ...}`,
			Run:    w.snapshot(w.addressInfoCommand),
		},
		{
			Name: "getbalance", Returns: rpc.Amount(0), Summary: "Returns the total available balance: what is confirmed, or change of the wallet's own payments.",
			Params: []rpc.Param{
				{Name: "dummy", Type: rpc.String, Optional: true, Help: `Remains for backward compatibility. Must be excluded or set to "*".`},
				{Name: "minconf", Type: rpc.Number, Optional: true, Default: "0", Help: "Only include transactions confirmed at least this many times."},
				watchonly,
				{Name: "avoid_reuse", Type: rpc.Bool, Optional: true, Help: "Not supported; no effect."},
			},
			Result: "n    (numeric) The total amount in BTC", Run: w.current(w.balanceCommand),
		},
		{
			Name: "getbalances", Returns: shownBalances{}, Summary: "Returns an object with all balances in BTC.",
			Result: `{"mine": {"trusted": n, "untrusted_pending": n, "immature": n}, "lastprocessedblock": {"hash": "hex", "height": n}}`,
			Run:    w.current(w.balancesCommand),
		},
		{
			Name: "listunspent", Returns: []unspent{}, Summary: "Returns array of unspent transaction outputs with between minconf and maxconf (inclusive) confirmations.",
			Params: []rpc.Param{
				{Name: "minconf", Type: rpc.Number, Optional: true, Default: "1", Help: "The minimum confirmations to filter"},
				{Name: "maxconf", Type: rpc.Number, Optional: true, Default: "9999999", Help: "The maximum confirmations to filter"},
				{Name: "addresses", Type: rpc.Array, Inner: []rpc.Param{{Name: "address", Type: rpc.String, Help: "bitcoin address"}}, Optional: true, Default: "[]", Help: "The bitcoin addresses to filter"},
				{Name: "include_unsafe", Type: rpc.Bool, Optional: true, Default: "true", Help: "Include outputs that are not safe to spend"},
			},
			Result: `[{"txid": "hex", "vout": n, "address": "str", "label": "str", "scriptPubKey": "hex", "amount": n, "confirmations": n, "spendable": bool, "solvable": bool, "safe": bool}, ...]`,
			Run:    w.current(w.unspentCommand),
		},
		{
			Name: "sendtoaddress", Examples: []string{`["bc1qm34lsc65zpw79lxes69zkqmk6ee3ewf0j77s3h", 0.1]`}, Returns: rpc.Alternatives{rpc.Hex, map[string]string{}}, Summary: "Send an amount to a given address.", Params: sendParams(),
			Result: `"hex"    (string) The transaction id; with verbose an object`, Run: w.sendCommand,
		},
		{
			Name: "gettransaction", Returns: shownTx{}, Summary: "Get detailed information about in-wallet transaction <txid>.",
			Params: []rpc.Param{txid, watchonly, {Name: "verbose", Type: rpc.Bool, Optional: true, Default: "false", Help: "Accepted; the hex is always there."}},
			Result: `{"amount": n, "fee": n, "confirmations": n, "blockhash": "hex", "txid": "hex", "details": [...], "hex": "hex", ...}`,
			Run:    w.current(w.transactionCommand),
		},
		{
			Name: "listtransactions", Returns: []entry{}, Summary: "Returns up to 'count' most recent transactions skipping the first 'skip' transactions.",
			Params: []rpc.Param{
				{Name: "label|dummy", Type: rpc.String, Word: rpc.Free, Optional: true, Help: `If set, should be a valid label name to return only incoming transactions with the specified label, or "*" to disable filtering.`},
				{Name: "count", Type: rpc.Number, Optional: true, Default: "10", Help: "The number of transactions to return"},
				{Name: "skip", Type: rpc.Number, Optional: true, Default: "0", Help: "The number of transactions to skip"},
				watchonly,
			},
			Result: `[{"address": "str", "category": "str", "amount": n, "vout": n, "confirmations": n, "txid": "hex", ...}, ...]`,
			Run:    w.current(w.listCommand),
		},
		{
			Name: "abandontransaction", Returns: rpc.Null{},
			Summary: "Mark in-wallet transaction <txid> as abandoned: it and its descendants in the wallet are no longer sent again, and their inputs may be respent. " +
				"It works only on transactions which are not included in a block and are not currently in the mempool.",
			Params: []rpc.Param{txid},
			Result: "null", Run: w.abandonCommand,
		},
		{
			Name: "getwalletinfo", Returns: walletInfo{}, Summary: "Returns an object containing various wallet state info.",
			Result: `{"walletname": "str", "walletversion": n, "format": "str", "txcount": n, "keypoolsize": n, "scanning": {"duration": n, "progress": n} | false, ...}`,
			Run:    w.infoCommand,
		},
	}
	for i := range table {
		table[i].Category, table[i].PerWallet = "Wallet", true
		table[i].Run = w.loaded(table[i].Run)
	}
	return table
}

// command serves a JSON-RPC command.
type command = func(context.Context, *rpc.Call) (any, error)

// loaded refuses a command where there is no wallet: the keeper announces the
// commands too.
func (w commands) loaded(run command) command {
	return func(ctx context.Context, call *rpc.Call) (any, error) {
		if w.cfg.Name == "" {
			return nil, rpc.Errorf(rpc.WalletNotFound, "No wallet is loaded. Load a wallet using loadwallet or create a new one with createwallet. (Note: A default wallet is no longer automatically created)")
		}
		select {
		case <-w.node.started: // before, the wallet may have to be created
			return run(ctx, call)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// current serves a command that reads, when the wallet has caught up with the
// node, or shows how far it is if that takes long.
func (w commands) current(run func(*rpc.Call) (any, error)) command {
	read := w.snapshot(run)
	return func(ctx context.Context, call *rpc.Call) (any, error) {
		if _, err := w.catchUp(ctx); err != nil {
			return nil, err
		}
		return read(ctx, call)
	}
}

// snapshot serves a command that reads the wallet as it is.
func (w commands) snapshot(run func(*rpc.Call) (any, error)) command {
	return func(_ context.Context, call *rpc.Call) (any, error) {
		w.mu.RLock()
		defer w.mu.RUnlock()
		return run(call)
	}
}

func sendParams() []rpc.Param {
	unused := func(name string, kind rpc.Type, help string) rpc.Param {
		p := rpc.Param{Name: name, Type: kind, Optional: true, Help: help}
		if kind == rpc.String {
			p.Word = rpc.Free
		}
		return p
	}
	return []rpc.Param{
		{Name: "address", Type: rpc.String, Word: rpc.Free, Help: "The bitcoin address to send to."},
		{Name: "amount", Form: rpc.Money, Help: "The amount in BTC to send. eg 0.1"},
		unused("comment", rpc.String, "Accepted, not stored."),
		unused("comment_to", rpc.String, "Accepted, not stored."),
		{Name: "subtractfeefromamount", Type: rpc.Bool, Optional: true, Default: "false", Help: "The fee will be deducted from the amount being sent."},
		unused("replaceable", rpc.Bool, "Payments always signal that they may be replaced (BIP125)."),
		unused("conf_target", rpc.Number, "Without estimates, the fallback fee is used."),
		unused("estimate_mode", rpc.String, "Without estimates, the fallback fee is used."),
		unused("avoid_reuse", rpc.Bool, "Not supported; no effect."),
		{Name: "fee_rate", Form: rpc.Money, Optional: true, Default: "the fallback fee", Help: "Specify a fee rate in sat/vB."},
		{Name: "verbose", Type: rpc.Bool, Optional: true, Default: "false", Help: "If true, return extra information about the transaction."},
	}
}
