package rpc

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/render"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/serial"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/coins"
)

// maxRestOutputs is how many outputs are looked for at once.
const maxRestOutputs = 15

// mempoolHeight stands for the height of an output that is in no block yet.
const mempoolHeight = 1<<31 - 1

func (n restQueries) outputTable(verbose rpc.Param) rpc.Table {
	return rpc.Table{
		{
			Name: "rest_utxos", Category: "hidden", Run: n.utxos,
			Summary: "Tells which outputs are unspent, and what is in them (BIP64).",
			Params: []rpc.Param{
				{Name: "outputs", Type: rpc.Array, Help: "Up to 15 outputs, each with txid and vout"},
				{Name: "include_mempool", Type: rpc.Bool, Help: "Whether what the mempool creates and spends counts"},
				verbose,
			},
		},
		{
			Name: "rest_spenttxouts", Category: "hidden", Run: n.spentOutputs,
			Summary: "Returns what each transaction of a block spends, in their order.",
			Params:  []rpc.Param{blockHashParam("The block hash"), verbose},
		},
		{
			Name: "rest_blockpart", Category: "hidden", Run: n.blockPart,
			Summary: "Returns bytes of a block in hex.",
			Params: []rpc.Param{
				blockHashParam("The block hash"),
				{Name: "offset", Type: rpc.Number, Help: "The first byte"},
				{Name: "size", Type: rpc.Number, Help: "How many"},
			},
		},
	}
}

// utxoList is what there is of the outputs that a client asked about.
type utxoList struct {
	Height int32      `json:"chainHeight"`
	Tip    string     `json:"chaintipHash"`
	Bitmap string     `json:"bitmap"`
	Utxos  []restUtxo `json:"utxos"`

	tip   chainhash.Hash
	coins []coins.Coin
}

type restUtxo struct {
	Height int32         `json:"height"`
	Value  rpc.Amount    `json:"value"`
	Script render.Script `json:"scriptPubKey"`
}

func (n restQueries) utxos(ctx context.Context, call *rpc.Call) (any, error) {
	points, err := outPoints(call.Raw(0))
	if err != nil {
		return nil, err
	}
	withMempool, err := call.Bool(1, false)
	if err != nil {
		return nil, err
	}
	verbose, err := call.Bool(2, true)
	if err != nil {
		return nil, err
	}
	var list utxoList
	look := func() error {
		return n.Coins.ReadTip(func(s *chain.TipState) error {
			list, err = n.unspent(s, points, withMempool)
			return err
		})
	}
	if err = look(); errors.Is(err, chain.ErrFar) {
		err = n.Owner.Do(ctx, func(*chainstate.State) error { return look() })
	}
	if err != nil {
		return nil, err
	}
	if !verbose {
		return hex.EncodeToString(list.encode()), nil
	}
	for _, coin := range list.coins {
		list.Utxos = append(list.Utxos, restUtxo{coin.Height, rpc.Amount(coin.Value), render.NewScript(coin.Script, n.Params.Params)})
	}
	return list, nil
}

// outPoints reads outputs, of which the index may be any of 32 bits.
func outPoints(raw json.RawMessage) ([]wire.OutPoint, error) {
	var refs []struct {
		TxID string `json:"txid"`
		Vout uint32 `json:"vout"`
	}
	if err := json.Unmarshal(raw, &refs); err != nil {
		return nil, rpc.Errorf(rpc.InvalidParameter, "outputs: %v", err)
	}
	if len(refs) > maxRestOutputs {
		return nil, rpc.Errorf(rpc.InvalidParameter, "more than %d outputs", maxRestOutputs)
	}
	points := make([]wire.OutPoint, len(refs))
	for i, ref := range refs {
		txid, err := rpc.ParseHash(ref.TxID, "txid")
		if err != nil {
			return nil, err
		}
		points[i] = wire.OutPoint{Hash: txid, Index: ref.Vout}
	}
	return points, nil
}

func (n restQueries) unspent(s *chain.TipState, points []wire.OutPoint, withMempool bool) (utxoList, error) {
	tip := s.Tip()
	list := utxoList{Height: tip.Height, Tip: tip.Hash.String(), Utxos: []restUtxo{}, tip: tip.Hash}
	for _, op := range points {
		coin, there, err := n.coin(s, op, withMempool)
		if err != nil {
			return list, err
		}
		bit := "0"
		if there {
			bit = "1"
			list.coins = append(list.coins, coin)
		}
		list.Bitmap += bit
	}
	return list, nil
}

func (n restQueries) coin(s *chain.TipState, op wire.OutPoint, withMempool bool) (coin coins.Coin, there bool, err error) {
	if !withMempool {
		return s.Coin(op)
	}
	if n.Mempool.Spender(op) != nil {
		return coin, false, nil
	}
	entry := n.Mempool.Get(op.Hash)
	if entry == nil {
		return s.Coin(op)
	}
	if int64(op.Index) >= int64(len(entry.Tx.TxOut)) {
		return coin, false, nil
	}
	out := entry.Tx.TxOut[op.Index]
	return coins.Coin{Value: out.Value, Script: out.PkScript, Height: mempoolHeight}, true, nil
}

// encode serialises as BIP64 says: height and hash of the tip, the bitmap, and of each
// output a version that is always zero, its height, its value and its script.
func (l utxoList) encode() []byte {
	raw := binary.LittleEndian.AppendUint32(nil, uint32(l.Height))
	raw = append(raw, l.tip[:]...)
	bits := make([]byte, (len(l.Bitmap)+7)/8)
	for i, c := range l.Bitmap {
		bits[i/8] |= byte(c-'0') << (i % 8)
	}
	raw = serial.AppendVarBytes(raw, bits)
	raw = serial.AppendCompactSize(raw, uint64(len(l.coins)))
	for _, coin := range l.coins {
		raw = binary.LittleEndian.AppendUint32(raw, 0)
		raw = binary.LittleEndian.AppendUint32(raw, uint32(coin.Height))
		raw = appendOutput(raw, coin)
	}
	return raw
}

func appendOutput(raw []byte, coin coins.Coin) []byte {
	raw = binary.LittleEndian.AppendUint64(raw, uint64(coin.Value))
	return serial.AppendVarBytes(raw, coin.Script)
}

type spentInput struct {
	Value  rpc.Amount    `json:"value"`
	Script render.Script `json:"scriptPubKey"`
}

// spentOutputs returns a list a transaction, of which that of the coinbase is empty.
func (n restQueries) spentOutputs(_ context.Context, call *rpc.Call) (any, error) {
	at, err := n.block(call, 0)
	if err != nil {
		return nil, err
	}
	verbose, err := call.Bool(1, true)
	if err != nil {
		return nil, err
	}
	var undo coins.Undo
	if at.Height > 0 {
		if undo, err = n.undoData(at, errUndo); err != nil {
			return nil, err
		}
	}
	if !verbose {
		raw := serial.AppendCompactSize(nil, uint64(len(undo)+1))
		raw = serial.AppendCompactSize(raw, 0)
		for _, spent := range undo {
			raw = serial.AppendCompactSize(raw, uint64(len(spent)))
			for _, coin := range spent {
				raw = appendOutput(raw, coin)
			}
		}
		return hex.EncodeToString(raw), nil
	}
	lists := [][]spentInput{{}}
	for _, spent := range undo {
		inputs := make([]spentInput, len(spent))
		for i, coin := range spent {
			inputs[i] = spentInput{rpc.Amount(coin.Value), render.NewScript(coin.Script, n.Params.Params)}
		}
		lists = append(lists, inputs)
	}
	return lists, nil
}

func (n restQueries) blockPart(_ context.Context, call *rpc.Call) (any, error) {
	at, err := n.block(call, 0)
	if err != nil {
		return nil, err
	}
	offset, err := call.Int64(1, 0)
	if err != nil {
		return nil, err
	}
	size, err := call.Int64(2, 0)
	if err != nil {
		return nil, err
	}
	if err := n.checkStored(at); err != nil {
		return nil, err
	}
	raw, err := n.Blocks.ReadRaw(at)
	if err != nil {
		return nil, n.unreadable(at, err)
	}
	length := int64(len(raw))
	if offset < 0 || size <= 0 || offset > length || size > length-offset {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Bad block part offset/size %d/%d for %s", offset, size, at.Hash)
	}
	return hex.EncodeToString(raw[offset : offset+size]), nil
}
