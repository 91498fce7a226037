package rpc

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/descriptor"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/psbt"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/rawtx"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/sign"
)

func (n txCommands) psbtUpdateCommands() rpc.Table {
	const list = `An array of either strings or objects: an output descriptor, or an object with "desc" and "range", up to what index HD chains should be explored (either end or [begin,end], default=1000)`
	return rpc.Table{
		{
			Name: "utxoupdatepsbt", Returns: "", Category: "Rawtransactions", Run: n.utxoUpdatePSBT, Result: psbtResult,
			Summary: "Updates all segwit inputs and outputs in a PSBT with data from output descriptors, the UTXO set, txindex, or the mempool.",
			Params:  []rpc.Param{psbtParam, {Name: "descriptors", Type: rpc.Array, Inner: scanObjects, Optional: true, Help: list}},
		},
		{
			Name: "descriptorprocesspsbt", Returns: processed{}, Category: "Rawtransactions", Run: n.descriptorProcessPSBT,
			Summary: "Update all segwit inputs in a PSBT with information from output descriptors, the UTXO set or the mempool.\n" +
				"Then, sign the inputs we are able to with information from the output descriptors.",
			Params: []rpc.Param{
				{Name: "psbt", Type: rpc.String, Word: rpc.Free, Help: "The transaction base64 string"},
				{Name: "descriptors", Type: rpc.Array, Inner: scanObjects, Help: list},
				hashTypeParam("The signature hash type to sign with if not specified by the PSBT"),
				{Name: "bip32derivs", Type: rpc.Bool, Optional: true, Default: "true", Help: "Include BIP 32 derivation paths for public keys if we know them"},
				{Name: "finalize", Type: rpc.Bool, Optional: true, Default: "true", Help: "Also finalize inputs if possible"},
			},
			Result: `{"psbt": "str", "complete": true|false, "hex": "hex"}` + "\nhex is the network transaction if complete.",
		},
	}
}

func (n txCommands) utxoUpdatePSBT(ctx context.Context, call *rpc.Call) (any, error) {
	var known sign.Provider
	if call.Has(1) {
		if err := n.provide(&known, call.Raw(1), false); err != nil {
			return nil, err
		}
	}
	p, _, err := n.processPSBT(ctx, call, &known, psbt.Options{})
	if err != nil {
		return nil, err
	}
	return showPSBT(p), nil
}

type processed struct {
	PSBT     string `json:"psbt"`
	Complete bool   `json:"complete"`
	Hex      string `json:"hex,omitempty"`
}

func (n txCommands) descriptorProcessPSBT(ctx context.Context, call *rpc.Call) (any, error) {
	var known sign.Provider
	defer known.Zero()
	if err := n.provide(&known, call.Raw(1), true); err != nil {
		return nil, err
	}
	var options psbt.Options
	kind, given, err := hashTypeOf(call, 2)
	if err != nil {
		return nil, err
	}
	if given {
		options.HashType = &kind
	}
	paths, err := call.Bool(3, true)
	if err != nil {
		return nil, err
	}
	known.HideOrigins = !paths
	if options.Finalize, err = call.Bool(4, true); err != nil {
		return nil, err
	}
	p, spending, err := n.processPSBT(ctx, call, &known, options)
	if err != nil {
		return nil, err
	}
	result := processed{PSBT: showPSBT(p), Complete: true}
	for i := range p.Inputs {
		result.Complete = result.Complete && p.Valid(spending, i)
	}
	if result.Complete {
		tx, err := p.Extract()
		if err != nil {
			return nil, err
		}
		result.Hex = hex.EncodeToString(rawtx.Encode(tx))
	}
	return result, nil
}

// provide adds to what is known for signing what a list of descriptors tells.
func (n *Node) provide(known *sign.Provider, raw json.RawMessage, secrets bool) error {
	var objects []json.RawMessage
	if err := json.Unmarshal(raw, &objects); err != nil {
		return rpc.Errorf(rpc.ParseError, "Parse error")
	}
	for _, object := range objects {
		text, within, err := parseScanObject(object)
		if err != nil {
			return err
		}
		list, err := descriptor.ParseAll(text, n.Params.Params)
		if err != nil {
			return rpc.Errorf(rpc.InvalidAddressOrKey, "%v", err)
		}
		if err := within.share(len(list)); err != nil {
			return err
		}
		for _, d := range list {
			if d.HasPrivate() {
				text = d.Public() // for the error
			}
			err := within.each(d, func(at uint32) error { return d.Provide(at, known, secrets) })
			d.Zero()
			if errors.Is(err, descriptor.ErrPrivate) {
				return rpc.Errorf(rpc.InvalidAddressOrKey, "Cannot derive script without private keys: '%s'", text)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// processPSBT adds to a packet what the node knows of its inputs, and what is known of
// scripts and keys, and signs.
func (n txCommands) processPSBT(ctx context.Context, call *rpc.Call, known *sign.Provider, options psbt.Options) (*psbt.Packet, *sign.Spending, error) {
	p, err := psbtArgument(call)
	if err != nil {
		return nil, nil, err
	}
	if err := n.addSpent(ctx, p, known); err != nil {
		return nil, nil, err
	}
	spending, err := p.Spending(checkScript)
	if err != nil {
		return nil, nil, rpc.Errorf(rpc.VerifyError, "%v", err)
	}
	for i, in := range p.Inputs {
		if in.Final() {
			continue
		}
		if _, err := p.Sign(spending, i, known, options); errors.Is(err, psbt.ErrHashType) {
			return nil, nil, rpc.Errorf(rpc.DeserializationErr, "%v", err)
		}
	}
	for _, out := range p.Outputs {
		out.Update(known)
	}
	p.DropTransactions()
	return p, spending, nil
}

// addSpent adds the transactions that are spent, if the index or the mempool has them, or
// else outputs of the UTXO set that are spent by a witness.
func (n txCommands) addSpent(ctx context.Context, p *psbt.Packet, known *sign.Provider) error {
	if n.Indexes != nil && n.Indexes.Transactions != nil {
		if _, err := n.Indexes.Await(ctx, n.Indexes.Transactions); err != nil {
			return err
		}
	}
	var missing []*psbt.Input
	var points []wire.OutPoint
	for _, in := range p.Inputs {
		if in.NonWitnessUTXO != nil {
			continue
		}
		tx, err := n.wholeTx(in.PrevOut.Hash)
		if err != nil {
			return err
		}
		if in.NonWitnessUTXO = tx; tx == nil {
			missing, points = append(missing, in), append(points, in.PrevOut)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	found, err := n.outputsAt(ctx, points)
	if err != nil {
		return err
	}
	for i, in := range missing {
		if out := found[i]; out != nil && spentByWitness(out.PkScript, known) {
			in.WitnessUTXO = out
		}
	}
	return nil
}

// wholeTx returns a transaction of the index or the mempool, nil if neither has it.
func (n txCommands) wholeTx(id chainhash.Hash) (*wire.MsgTx, error) {
	if n.Indexes != nil && n.Indexes.Transactions != nil {
		found, err := n.Indexes.Transactions.Find(id)
		if err != nil {
			return nil, err
		}
		if found != nil {
			return found.Tx.MsgTx, nil
		}
	}
	if entry := n.Mempool.Get(id); entry != nil {
		return entry.Tx.MsgTx, nil
	}
	return nil, nil
}

func spentByWitness(script []byte, known *sign.Provider) bool {
	if txscript.IsPayToScriptHash(script) {
		inner, _ := known.Script(sign.KeyID(script[2:22]))
		script = inner
	}
	return txscript.IsWitnessProgram(script)
}
