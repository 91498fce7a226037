package wallet

import (
	"encoding/hex"
	"slices"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/address"
)

// position is the last block that the wallet has taken in.
type position struct {
	Hash   string `json:"hash"`
	Height int32  `json:"height"`
}

func (w commands) position() position {
	at := w.follower.Position()
	return position{at.Hash().String(), at.Height}
}

func (w commands) balanceCommand(call *rpc.Call) (any, error) {
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
	for _, c := range w.ledger.Coins() {
		if c.Trusted && c.Mature && int(c.Confirmations) >= least {
			sum += c.Value
		}
	}
	return rpc.Amount(sum), nil
}

// shownBalances is what getbalances shows.
type shownBalances struct {
	Mine ownBalances `json:"mine"`
	Last position    `json:"lastprocessedblock"`
}

type ownBalances struct {
	Trusted   rpc.Amount `json:"trusted"`
	Untrusted rpc.Amount `json:"untrusted_pending"`
	Immature  rpc.Amount `json:"immature"`
}

func (w commands) balancesCommand(*rpc.Call) (any, error) {
	b := w.ledger.Balances()
	return shownBalances{ownBalances{rpc.Amount(b.Trusted), rpc.Amount(b.Untrusted), rpc.Amount(b.Immature)}, w.position()}, nil
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

func (w commands) unspentCommand(call *rpc.Call) (any, error) {
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
	for _, c := range w.ledger.Coins() {
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

func (w commands) addressFilter(call *rpc.Call, arg int) ([]string, error) {
	if !call.Has(arg) {
		return nil, nil
	}
	var only []string
	if err := call.Decode(arg, &only); err != nil {
		return nil, err
	}
	for i, text := range only {
		if _, err := address.Script(text, w.params); err != nil {
			return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "Invalid Bitcoin address: %s", text)
		}
		if slices.Contains(only[:i], text) {
			return nil, rpc.Errorf(rpc.InvalidParameter, "Invalid parameter, duplicated address: %s", text)
		}
	}
	return only, nil
}
