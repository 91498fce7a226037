package wallet

import (
	"context"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/address"
	"github.com/bulkheadnode/bulkhead/wallet/follow"
	"github.com/bulkheadnode/bulkhead/wallet/keys"
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
// crash in between sends it again instead of forgetting it.
func (w *wallet) pay(ctx context.Context, p payment) (txid chainhash.Hash, err error) {
	script, err := w.scriptOf(p.address)
	if err != nil {
		return txid, err
	}
	switch synced, err := w.catchUp(ctx); {
	case err != nil:
		return txid, err
	case !synced:
		// What it does not know yet may have spent its coins.
		return txid, w.behindError()
	}
	tx, err := w.prepare(script, p)
	if err != nil {
		return txid, err
	}
	// A client that leaves does not stop a payment half way.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendPatience)
	defer cancel()
	return tx.TxHash(), w.send(ctx, tx)
}

// behindError tells why the wallet cannot pay now.
func (w *wallet) behindError() error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.scanProgress() != nil {
		return rpc.Errorf(rpc.WalletError, "Wallet is currently rescanning. Abort existing rescan or wait.")
	}
	return rpc.Errorf(rpc.InWarmup, "The wallet cannot reach the node")
}

// prepare chooses coins and signs, and stores the payment: from then on its
// coins are spent.
func (w *wallet) prepare(script []byte, p payment) (*wire.MsgTx, error) {
	w.steps.Lock()
	defer w.steps.Unlock()
	if err := w.takeEvents(); err != nil {
		return nil, err
	}
	change, err := w.keypool.Peek(keys.Change)
	if err != nil {
		return nil, rpc.Errorf(rpc.WalletKeypoolRanOut, "Error: Keypool ran out, please call keypoolrefill first")
	}
	plan, err := spend.Plan(w.spendable(), spend.Order{
		Outputs: []*wire.TxOut{wire.NewTxOut(p.amount, script)}, FeeRate: p.feeRate, Change: w.keypool.Script(change),
		LockTime: uint32(w.follower.Position().Height), SubtractFee: p.subtractFee,
	})
	if err != nil {
		return nil, planError(err)
	}
	if err := plan.Sign(w.keyFor); err != nil {
		return nil, err
	}
	if plan.Change > 0 {
		if err := w.handOut(change); err != nil {
			return nil, err
		}
	}
	return plan.Tx, w.step(follow.Pay{Tx: plan.Tx})
}

// send brings a stored payment to the node. One that the node refuses is taken
// back.
func (w *wallet) send(ctx context.Context, tx *wire.MsgTx) error {
	err := w.broadcast(ctx, tx)
	if refused := refusal(err); refused != nil {
		if err := w.take(follow.Paid{Hash: tx.TxHash(), Refused: true}); err != nil {
			return err
		}
		return rpc.Errorf(rpc.WalletError, "Transaction commit failed: %s", refused.Text)
	}
	if err != nil {
		// It is not known whether the node has it: it is sent again when the
		// wallet is next in touch with the node.
		w.env.Logger.Warn(fmt.Sprintf("Wallet %q: payment %s is not sent yet: %v", w.cfg.Name, tx.TxHash(), err))
	}
	return w.take(follow.Paid{Hash: tx.TxHash(), Unknown: err != nil})
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

func (w *wallet) spendable() []spend.Coin {
	var coins []spend.Coin
	for _, c := range w.ledger.Coins() {
		if c.Trusted && c.Mature {
			coins = append(coins, spend.Coin{OutPoint: c.OutPoint, Value: c.Value, Script: c.Script})
		}
	}
	return coins
}

func (w *wallet) keyFor(script []byte) (*btcec.PrivateKey, error) {
	path, ok := w.keypool.Path(script)
	if !ok {
		return nil, fmt.Errorf("no key for script %x", script)
	}
	return w.account.PrivateKey(path)
}

func (w *wallet) scriptOf(text string) ([]byte, error) {
	script, err := address.Script(text, w.params)
	if err != nil {
		return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "Invalid Bitcoin address: %s", text)
	}
	return script, nil
}

// addressOf returns the address that a script pays to, "" if it has none.
func (w *wallet) addressOf(script []byte) string { return address.Of(script, w.params) }
