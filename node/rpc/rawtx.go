package rpc

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/rawtx"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/render"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/mempool"
	"github.com/bulkheadnode/bulkhead/node/script/interpreter"
)

var witnessParam = rpc.Param{
	Name: "iswitness", Type: rpc.Bool, Optional: true, Default: "depends on heuristic tests",
	Help: "Whether the transaction hex is a serialized witness transaction. If it is not given, both forms are tried.",
}

// decodeEither parses a transaction in hex that need not have inputs, in the form that
// argument i, if it is given, says that it has.
func decodeEither(text string, call *rpc.Call, i int) (*wire.MsgTx, error) {
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, errTxDecode
	}
	witness, err := call.Bool(i, false)
	if err != nil {
		return nil, err
	}
	given := call.Has(i)
	if tx, ok := rawtx.Decode(raw, !given || !witness, !given || witness); ok {
		return tx, nil
	}
	return nil, errTxDecode
}

var errTxDecode = rpc.Errorf(rpc.DeserializationErr, "TX decode failed")

// decodeInputs parses a transaction in hex that has inputs, or nothing at all.
func decodeInputs(text string) (*wire.MsgTx, bool) {
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, false
	}
	return rawtx.Decode(raw, false, true)
}

// shownMsg is a transaction as package render takes it.
func shownMsg(tx *wire.MsgTx) render.Transaction {
	size, stripped := len(rawtx.Encode(tx)), len(rawtx.AppendLegacy(nil, tx))
	return render.Transaction{MsgTx: tx, ID: tx.TxHash(), WitnessID: tx.WitnessHash(), Size: size, Weight: 3*stripped + size}
}

// checkScript runs the script of an input by the rules for the mempool.
func checkScript(tx *wire.MsgTx, spent []wire.TxOut, index int) error {
	return interpreter.NewTx(tx, spent).Verify(index, mempool.StandardFlags)
}

// outputsOf returns the outputs that a transaction spends, from the mempool and the
// UTXO set; nil for those that are in neither. What the mempool spends is there.
func (n *Node) outputsOf(ctx context.Context, tx *wire.MsgTx) ([]*wire.TxOut, error) {
	points := make([]wire.OutPoint, len(tx.TxIn))
	for i, in := range tx.TxIn {
		points[i] = in.PreviousOutPoint
	}
	return n.outputsAt(ctx, points)
}

func (n *Node) outputsAt(ctx context.Context, points []wire.OutPoint) ([]*wire.TxOut, error) {
	found := make([]*wire.TxOut, len(points))
	look := func(set func(wire.OutPoint) (coins.Coin, bool, error)) error {
		for i, op := range points {
			if entry := n.Mempool.Get(op.Hash); entry != nil {
				if int64(op.Index) < int64(len(entry.Tx.TxOut)) {
					found[i] = entry.Tx.TxOut[op.Index]
				}
				continue
			}
			coin, there, err := set(op)
			if err != nil {
				return err
			}
			if there {
				found[i] = wire.NewTxOut(coin.Value, coin.Script)
			}
		}
		return nil
	}
	err := n.Coins.ReadTip(func(s *chain.TipState) error { return look(s.Coin) })
	if errors.Is(err, chain.ErrFar) {
		err = n.Owner.Do(ctx, func(s *chainstate.State) error { return look(s.Chain.Coins().Get) })
	}
	return found, err
}

// textList reads an array of strings.
func textList(raw json.RawMessage) ([]string, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, rpc.Errorf(rpc.ParseError, "Parse error")
	}
	texts := make([]string, len(items))
	for i, item := range items {
		if err := rpc.Expect(item, rpc.String); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(item, &texts[i]); err != nil {
			return nil, rpc.Errorf(rpc.ParseError, "Parse error")
		}
	}
	return texts, nil
}
