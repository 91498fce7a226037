package wallet

import (
	"context"
	"encoding/hex"
	"errors"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/address"
	"github.com/bulkheadnode/bulkhead/wallet/follow"
	"github.com/bulkheadnode/bulkhead/wallet/keypool"
	"github.com/bulkheadnode/bulkhead/wallet/keys"
)

// checkType accepts the address type that the wallet makes.
func checkType(call *rpc.Call, arg int) error {
	switch kind, err := call.Text(arg, "bech32"); {
	case err != nil:
		return err
	case kind == "bech32":
		return nil
	case kind == "legacy" || kind == "p2sh-segwit" || kind == "bech32m":
		return rpc.Errorf(rpc.WalletError, "Error: This wallet has no available keys of address type %s", kind)
	default:
		return rpc.Errorf(rpc.InvalidAddressOrKey, "Unknown address type '%s'", kind)
	}
}

func (w commands) newAddressCommand(ctx context.Context, call *rpc.Call) (any, error) {
	label, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	if label == "*" {
		return nil, rpc.Errorf(rpc.InvalidLabelName, "Invalid label name")
	}
	if err := checkType(call, 1); err != nil {
		return nil, err
	}
	return w.nextAddress(ctx, keys.External, &label)
}

func (w commands) changeAddressCommand(ctx context.Context, call *rpc.Call) (any, error) {
	if err := checkType(call, 0); err != nil {
		return nil, err
	}
	return w.nextAddress(ctx, keys.Change, nil)
}

// nextAddress hands out a key, and names its address unless label is nil. The
// node is not asked: it watches the keys that are next already, or is told
// them before anything else when it is back.
func (w commands) nextAddress(ctx context.Context, branch keys.Branch, label *string) (string, error) {
	addr, err := w.takeAddress(branch, label)
	if errors.Is(err, keypool.ErrRanOut) {
		// The node is being told of more.
		if _, err := w.catchUp(ctx); err != nil {
			return "", err
		}
		addr, err = w.takeAddress(branch, label)
	}
	if errors.Is(err, keypool.ErrRanOut) {
		return "", rpc.Errorf(rpc.WalletKeypoolRanOut, "Error: Keypool ran out, please call keypoolrefill first")
	}
	return addr, err
}

func (w commands) takeAddress(branch keys.Branch, label *string) (string, error) {
	w.steps.Lock()
	defer w.steps.Unlock()
	path, err := w.keypool.Peek(branch)
	if err != nil {
		return "", err
	}
	addr, err := w.account.Address(path)
	if err != nil {
		return "", err
	}
	if err := w.handOut(path); err != nil {
		return "", err
	}
	text := addr.EncodeAddress()
	if label != nil {
		if err := w.store.SetLabel(text, *label); err != nil {
			return "", err
		}
		w.mu.Lock()
		w.labels[text] = *label
		w.mu.Unlock()
	}
	return text, nil
}

// handOut notes on disk that a key is in use. w.steps is held.
func (w *wallet) handOut(path keys.Path) error {
	w.mu.Lock()
	fresh, _, err := w.keypool.Use(w.keypool.Script(path))
	w.mu.Unlock()
	if err != nil {
		return err
	}
	if err := w.saveKeys(); err != nil {
		return err
	}
	if len(fresh) > 0 {
		return w.step(follow.MoreScripts{Scripts: fresh})
	}
	return nil
}

// addressInfo is what getaddressinfo returns.
type addressInfo struct {
	address.Description
	Mine        bool     `json:"ismine"`
	Solvable    bool     `json:"solvable"`
	WatchOnly   bool     `json:"iswatchonly"`
	PubKey      string   `json:"pubkey,omitempty"`
	Change      bool     `json:"ischange"`
	Timestamp   int64    `json:"timestamp,omitempty"`
	Path        string   `json:"hdkeypath,omitempty"`
	Fingerprint string   `json:"hdmasterfingerprint,omitempty"`
	Labels      []string `json:"labels"`
}

func (w commands) addressInfoCommand(call *rpc.Call) (any, error) {
	text, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	script, err := address.Script(text, w.params)
	if err != nil {
		return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "%v", err)
	}
	info := addressInfo{Description: address.Describe(script, w.params), Labels: []string{}}
	path, mine := w.keypool.Path(script)
	if !mine {
		return info, nil
	}
	pub, err := w.account.PublicKey(path)
	if err != nil {
		return nil, err
	}
	info.Mine, info.Solvable, info.Change = true, true, path.Branch == keys.Change
	info.PubKey, info.Path = hex.EncodeToString(pub), w.account.PathText(path)
	info.Fingerprint, info.Timestamp = w.account.Fingerprint(), w.store.Meta.Birthday
	if label, ok := w.labels[info.Address]; ok {
		info.Labels = append(info.Labels, label)
	}
	return info, nil
}
