package wallet

import (
	"context"
	"encoding/hex"
	"slices"

	"github.com/btcsuite/btcd/address/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/wallet/keys"
)

// position is the last block that the wallet has taken in.
type position struct {
	Hash   string `json:"hash"`
	Height int32  `json:"height"`
}

func (w *wallet) position() position { return position{w.state.Locator[0].String(), w.state.Height} }

func (w *wallet) balanceCommand(_ context.Context, call *rpc.Call) (any, error) {
	dummy, err := call.Text(0, "*")
	if err != nil {
		return nil, err
	}
	if dummy != "*" {
		return nil, rpc.Errorf(rpc.MethodDeprecated, "dummy first argument must be excluded or set to \"*\".")
	}
	least, err := call.Int(1, 0)
	if err != nil {
		return nil, err
	}
	sum := int64(0)
	for _, c := range w.books.Coins() {
		if c.Trusted && c.Mature && int(c.Confirmations) >= least {
			sum += c.Value
		}
	}
	return rpc.Amount(sum), nil
}

func (w *wallet) balancesCommand(context.Context, *rpc.Call) (any, error) {
	type mine struct {
		Trusted   rpc.Amount `json:"trusted"`
		Untrusted rpc.Amount `json:"untrusted_pending"`
		Immature  rpc.Amount `json:"immature"`
	}
	b := w.books.Balances()
	return struct {
		Mine mine     `json:"mine"`
		Last position `json:"lastprocessedblock"`
	}{mine{rpc.Amount(b.Trusted), rpc.Amount(b.Untrusted), rpc.Amount(b.Immature)}, w.position()}, nil
}

// unspent is one entry of listunspent.
type unspent struct {
	Txid          string     `json:"txid"`
	Vout          uint32     `json:"vout"`
	Address       string     `json:"address"`
	Label         *string    `json:"label,omitempty"`
	Script        string     `json:"scriptPubKey"`
	Amount        rpc.Amount `json:"amount"`
	Confirmations int32      `json:"confirmations"`
	Spendable     bool       `json:"spendable"`
	Solvable      bool       `json:"solvable"`
	Safe          bool       `json:"safe"`
}

func (w *wallet) unspentCommand(_ context.Context, call *rpc.Call) (any, error) {
	least, err := call.Int(0, 1)
	if err != nil {
		return nil, err
	}
	most, err := call.Int(1, 9999999)
	if err != nil {
		return nil, err
	}
	only, err := w.addressFilter(call, 2)
	if err != nil {
		return nil, err
	}
	unsafe, err := call.Bool(3, true)
	if err != nil {
		return nil, err
	}
	list := []unspent{}
	for _, c := range w.books.Coins() {
		addr := w.addressOf(c.Script)
		if int(c.Confirmations) < least || int(c.Confirmations) > most || !c.Mature ||
			!unsafe && !c.Trusted || only != nil && !slices.Contains(only, addr) {
			continue
		}
		entry := unspent{
			Txid: c.OutPoint.Hash.String(), Vout: c.OutPoint.Index, Address: addr,
			Script: hex.EncodeToString(c.Script), Amount: rpc.Amount(c.Value),
			Confirmations: c.Confirmations, Spendable: true, Solvable: true, Safe: c.Trusted,
		}
		if label, ok := w.labels[addr]; ok {
			entry.Label = &label
		}
		list = append(list, entry)
	}
	return list, nil
}

func (w *wallet) addressFilter(call *rpc.Call, arg int) ([]string, error) {
	if !call.Has(arg) {
		return nil, nil
	}
	var only []string
	if err := call.Decode(arg, &only); err != nil {
		return nil, err
	}
	for i, text := range only {
		if addr, err := address.DecodeAddress(text, w.params); err != nil || !addr.IsForNet(w.params) {
			return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "Invalid Bitcoin address: %s", text)
		}
		if slices.Contains(only[:i], text) {
			return nil, rpc.Errorf(rpc.InvalidParameter, "Invalid parameter, duplicated address: %s", text)
		}
	}
	return only, nil
}

func (w *wallet) infoCommand(context.Context, *rpc.Call) (any, error) {
	return struct {
		Name        string   `json:"walletname"`
		Version     int      `json:"walletversion"`
		Format      string   `json:"format"`
		Txs         int      `json:"txcount"`
		Pool        uint32   `json:"keypoolsize"`
		PoolChange  uint32   `json:"keypoolsize_hd_internal"`
		PrivateKeys bool     `json:"private_keys_enabled"`
		AvoidReuse  bool     `json:"avoid_reuse"`
		Scanning    bool     `json:"scanning"`
		Descriptors bool     `json:"descriptors"`
		Signer      bool     `json:"external_signer"`
		Blank       bool     `json:"blank"`
		Birth       int64    `json:"birthtime"`
		Flags       []string `json:"flags"`
		Last        position `json:"lastprocessedblock"`
	}{
		Name: w.cfg.Name, Version: w.store.Meta.Version, Format: "badger", Txs: len(w.books.All()),
		Pool:        w.derived[keys.External] - w.state.Next[keys.External],
		PoolChange:  w.derived[keys.Change] - w.state.Next[keys.Change],
		PrivateKeys: true, Descriptors: true, Birth: w.store.Meta.Birthday,
		Flags: []string{"descriptor_wallet"}, Last: w.position(),
	}, nil
}
