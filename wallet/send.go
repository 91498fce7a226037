package wallet

import (
	"context"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/btcsuite/btcd/address/v2"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/wallet/keys"
	"github.com/bulkheadnode/bulkhead/wallet/ledger"
	"github.com/bulkheadnode/bulkhead/wallet/spend"
)

// payment is what sendtoaddress was asked to do.
type payment struct {
	address     string
	amount      int64
	feeRate     int64 // satoshi per 1000 vbytes
	subtractFee bool
}

// pay builds, stores and sends a payment. It is on disk before it is sent: a
// crash in between sends it again instead of forgetting it. The caller holds
// the lock.
func (w *wallet) pay(ctx context.Context, p payment) (*ledger.Tx, *spend.Payment, error) {
	script, err := w.scriptOf(p.address)
	if err != nil {
		return nil, nil, err
	}
	before := w.state.Next
	_, change, err := w.nextAddress(ctx, keys.Change)
	if err != nil {
		return nil, nil, err
	}
	plan, err := spend.Plan(w.spendable(), spend.Order{
		Outputs: []*wire.TxOut{wire.NewTxOut(p.amount, script)}, FeeRate: p.feeRate, Change: change,
		LockTime: uint32(w.state.Height), SubtractFee: p.subtractFee,
	})
	if err != nil {
		w.state.Next = before
		return nil, nil, planError(err)
	}
	if plan.Change == 0 {
		w.state.Next = before
	}
	if err := plan.Sign(w.keyFor); err != nil {
		return nil, nil, err
	}
	entry, err := w.commit(ctx, plan.Tx)
	return entry, plan, err
}

func planError(err error) error {
	if errors.Is(err, spend.ErrInsufficient) {
		return rpc.Errorf(rpc.InsufficientFunds, "Insufficient funds")
	}
	if errors.Is(err, spend.ErrTooSmall) {
		return rpc.Errorf(rpc.WalletError, "The transaction amount is too small to pay the fee")
	}
	return rpc.Errorf(rpc.WalletError, "%v", err)
}

// commit stores a signed transaction and sends it. One that the node refuses
// is taken back.
func (w *wallet) commit(ctx context.Context, tx *wire.MsgTx) (*ledger.Tx, error) {
	entry := w.books.Put(ledger.Tx{Msg: tx, Hash: tx.TxHash(), Own: true, Received: w.env.Clock.Now().Unix()})
	if err := w.store.Save(w.state, []*ledger.Tx{entry}); err != nil {
		return nil, err
	}
	err := w.broadcast(ctx, entry)
	var refused *bus.Error
	if errors.As(err, &refused) && refused.Kind == msg.KindTxRejected {
		w.books.Forget(entry.Hash)
		if err := w.store.Forget(entry.Hash); err != nil {
			return nil, err
		}
		return nil, rpc.Errorf(rpc.WalletError, "Transaction commit failed: %s", refused.Text)
	}
	if err != nil {
		// It is not known whether the node has it: it is sent again when the
		// wallet is next in touch with the node.
		w.registered = false
		w.log.Warn(fmt.Sprintf("Wallet %q: payment %s is not sent yet: %v", w.cfg.Name, entry.Hash, err))
		return entry, nil
	}
	entry.InMempool = true
	return entry, nil
}

func (w *wallet) spendable() []spend.Coin {
	var coins []spend.Coin
	for _, c := range w.books.Coins() {
		if c.Trusted && c.Mature {
			coins = append(coins, spend.Coin{OutPoint: c.OutPoint, Value: c.Value, Script: c.Script})
		}
	}
	return coins
}

func (w *wallet) keyFor(script []byte) (*btcec.PrivateKey, error) {
	path, ok := w.paths[string(script)]
	if !ok {
		return nil, fmt.Errorf("no key for script %x", script)
	}
	return w.account.PrivateKey(path)
}

func (w *wallet) scriptOf(text string) ([]byte, error) {
	addr, err := address.DecodeAddress(text, w.params)
	if err != nil || !addr.IsForNet(w.params) {
		return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "Invalid Bitcoin address: %s", text)
	}
	return txscript.PayToAddrScript(addr)
}

// addressOf returns the address that a script pays to, "" if it has none.
func (w *wallet) addressOf(script []byte) string {
	_, addrs, _, err := txscript.ExtractPkScriptAddrs(script, w.params)
	if err != nil || len(addrs) != 1 {
		return ""
	}
	return addrs[0].EncodeAddress()
}
