package rpc

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/output"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/render"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool"
)

// defaultMaxRate is what a user may pay, by mistake, in satoshi per 1000
// vbytes.
const defaultMaxRate = consensus.Coin / 10

// maxPackage is how many transactions are tested together.
const maxPackage = 25

func (n txCommands) table() rpc.Table {
	return slices.Concat(n.rawCommands(), n.signCommands(), n.psbtCommands(), n.psbtInfoCommands(), n.psbtUpdateCommands())
}

func (n txCommands) rawCommands() rpc.Table {
	maxRate := rpc.Param{Name: "maxfeerate", Form: rpc.Money, Optional: true, Default: `"0.10"`, Help: "Reject transactions whose fee rate is higher than the specified value, expressed in BTC/kvB. Set to 0 to accept any fee rate."}
	return rpc.Table{
		{
			Name: "getrawtransaction", Examples: []string{`["4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"]`, `["4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b", 1, "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"]`}, Returns: rpc.Alternatives{rpc.Hex, txInfo{}}, Category: "Rawtransactions", Run: n.getRawTransaction,
			Summary: "By default, this call only returns a transaction if it is in the mempool. If a blockhash argument is passed, it will return the transaction if the specified block is available and the transaction is in that block.",
			Params: []rpc.Param{
				txidParam("The transaction id"),
				{Name: "verbosity|verbose", Optional: true, Default: "0", Help: "0 for hex-encoded data, 1 for a JSON object, and 2 for JSON object with fee and prevout"},
				{Name: "blockhash", Type: rpc.String, Form: rpc.Hex, Optional: true, Help: "The block in which to look for the transaction"},
			},
		},
		{
			Name: "decoderawtransaction", Returns: render.Tx{}, Category: "Rawtransactions", Run: n.decodeRawTransaction,
			Summary: "Return a JSON object representing the serialized, hex-encoded transaction.",
			Params: []rpc.Param{
				{Name: "hexstring", Type: rpc.String, Form: rpc.Hex, Help: "The transaction hex string"},
				witnessParam,
			},
		},
		{
			Name: "sendrawtransaction", Returns: rpc.Hex, Category: "Rawtransactions", Run: n.sendRawTransaction, Result: `"hex"    (string) The transaction hash in hex`,
			Summary: "Submit a raw transaction (serialized, hex-encoded) to the network.\n\n" +
				"With -privatebroadcast it is sent by short connections of its own, over Tor or I2P, and enters the mempool when it comes back from the network: see getprivatebroadcastinfo.",
			Params: []rpc.Param{
				{Name: "hexstring", Type: rpc.String, Form: rpc.Hex, Help: "The hex string of the raw transaction"},
				maxRate,
				maxBurnParam,
			},
		},
		{
			Name: "testmempoolaccept", Returns: []acceptInfo{}, Category: "Rawtransactions", Run: n.testMempoolAccept,
			Summary: "Returns result of mempool acceptance tests indicating if raw transaction(s) (serialized, hex-encoded) would be accepted by mempool.",
			Params:  []rpc.Param{{Name: "rawtxs", Type: rpc.Array, Inner: hexes("rawtx", ""), Help: "An array of hex strings of raw transactions."}, maxRate},
		},
		n.createCommand(), n.packageCommand(maxRate), n.decodeScriptCommand(),
	}
}

// feeRate reads an optional fee rate in BTC/kvB. Before Bitcoin Core 0.19 there stood
// allowhighfees instead, and some programs still send that.
func feeRate(call *rpc.Call, i int) (int64, error) {
	if !call.Has(i) || string(call.Raw(i)) == "false" {
		return defaultMaxRate, nil
	}
	if string(call.Raw(i)) == "true" {
		return 0, nil
	}
	rate, err := call.Amount(i)
	if err == nil && rate >= consensus.Coin {
		err = rpc.Errorf(rpc.InvalidParameter, "Fee rates larger than or equal to 1BTC/kvB are not accepted")
	}
	return int64(rate), err
}

func (n txCommands) sendRawTransaction(ctx context.Context, call *rpc.Call) (any, error) {
	text, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	maxBurn, err := maxBurn(call, 2)
	if err != nil {
		return nil, err
	}
	tx, err := decodeTx(text)
	if err != nil {
		return nil, rpc.Errorf(rpc.DeserializationErr, "TX decode failed. Make sure the tx has at least one input.")
	}
	if err := checkBurn(tx, maxBurn); err != nil {
		return nil, err
	}
	rate, err := feeRate(call, 1)
	if err != nil {
		return nil, err
	}
	if err := n.alreadyConfirmed(ctx, tx); err != nil {
		return nil, err
	}
	if err := n.send(ctx, tx, rate); err != nil {
		return nil, sendError(err)
	}
	return tx.ID.String(), nil
}

// maxBurn reads how much may be lost in an unspendable output.
func maxBurn(call *rpc.Call, i int) (rpc.Amount, error) {
	if !call.Has(i) {
		return 0, nil
	}
	return call.Amount(i)
}

func checkBurn(tx *consensus.Tx, most rpc.Amount) error {
	for _, out := range tx.TxOut {
		if (output.Unspendable(out.PkScript) || !output.ValidOps(out.PkScript)) && out.Value > int64(most) {
			return rpc.Errorf(rpc.VerifyError, "Unspendable output exceeds maximum configured by user (maxburnamount)")
		}
	}
	return nil
}

// alreadyConfirmed fails if a block has the transaction.
func (n txCommands) alreadyConfirmed(ctx context.Context, tx *consensus.Tx) error {
	look := func(set func(wire.OutPoint) (coins.Coin, bool, error)) error {
		for i := range tx.TxOut {
			_, there, err := set(wire.OutPoint{Hash: tx.ID, Index: uint32(i)})
			if err != nil {
				return err
			}
			if there {
				return rpc.Errorf(rpc.VerifyAlreadyInUTXO, "Transaction outputs already in utxo set")
			}
		}
		return nil
	}
	err := n.Coins.ReadTip(func(s *chain.TipState) error { return look(s.Coin) })
	if errors.Is(err, chain.ErrFar) {
		err = n.Owner.Do(ctx, func(s *chainstate.State) error { return look(s.Chain.Coins().Get) })
	}
	return err
}

func sendError(err error) error {
	var reject *consensus.Reject
	switch {
	case !errors.As(err, &reject):
		return err
	case reject.Reason == mempool.MaxRateReason:
		return rpc.Errorf(rpc.VerifyError, "Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)")
	case reject.Result == consensus.MissingInputs:
		return rpc.Errorf(rpc.VerifyError, "%s", reject.Error())
	}
	return rpc.Errorf(rpc.VerifyRejected, "%s", reject.Error())
}

type acceptInfo struct {
	TxID          string      `json:"txid"`
	Wtxid         string      `json:"wtxid"`
	PackageError  string      `json:"package-error,omitempty"`
	Allowed       *bool       `json:"allowed,omitempty"`
	VSizeAdjusted int64       `json:"vsize_adjusted,omitempty"`
	VSize         int64       `json:"vsize,omitempty"`
	VSizeBIP141   int         `json:"vsize_bip141,omitempty"`
	Fees          *acceptFees `json:"fees,omitempty"`
	Reject        string      `json:"reject-reason,omitempty"`
	Details       string      `json:"reject-details,omitempty"`
}

type acceptFees struct {
	Base     rpc.Amount `json:"base"`
	Rate     rpc.Amount `json:"effective-feerate"`
	Includes []string   `json:"effective-includes"`
}

// rawTxs reads a parameter that lists the transactions of a package in hex.
func rawTxs(call *rpc.Call, at int) ([]*consensus.Tx, error) {
	var texts []string
	if err := call.Decode(at, &texts); err != nil {
		return nil, err
	}
	if len(texts) < 1 || len(texts) > maxPackage {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Array must contain between 1 and %d transactions.", maxPackage)
	}
	txs := make([]*consensus.Tx, len(texts))
	for i, text := range texts {
		var err error
		if txs[i], err = decodeTx(text); err != nil {
			return nil, rpc.Errorf(rpc.DeserializationErr, "TX decode failed: %s Make sure the tx has at least one input.", text)
		}
	}
	return txs, nil
}

func (n txCommands) testMempoolAccept(ctx context.Context, call *rpc.Call) (any, error) {
	txs, err := rawTxs(call, 0)
	if err != nil {
		return nil, err
	}
	rate, err := feeRate(call, 1)
	if err != nil {
		return nil, err
	}
	results := make([]acceptInfo, len(txs))
	for i, tx := range txs {
		results[i] = acceptInfo{TxID: tx.ID.String(), Wtxid: tx.WitnessID.String()}
	}
	if len(txs) == 1 {
		result, err := n.Owner.ProcessTx(ctx, txs[0], mempool.Options{Test: true})
		_, err = results[0].set(txs[0], result, err, rate)
		return results, err
	}
	return results, n.testPackage(ctx, txs, results, rate)
}

// testPackage fills in what became of several transactions: of all, or of the one that
// failed.
func (n txCommands) testPackage(ctx context.Context, txs []*consensus.Tx, results []acceptInfo, rate int64) error {
	pkg, err := n.Owner.TryPackage(ctx, txs)
	var failed *mempool.PackageError
	switch {
	case errors.As(err, &failed) && failed.Tx == nil:
		for i := range results {
			results[i].PackageError = failed.Err.Error()
		}
		return nil
	case err != nil && failed == nil:
		return err
	}
	for i := range txs {
		var result mempool.Result
		var refused error
		switch {
		case failed != nil && failed.Tx == txs[i]:
			refused = failed.Err
		case pkg != nil:
			result = pkg.Members()[i].Result()
		default:
			continue // it was not looked at to the end
		}
		if stop, err := results[i].set(txs[i], result, refused, rate); stop || err != nil {
			return err
		}
	}
	return nil
}

// set fills in what became of a test. stop tells that what follows need not be
// tested.
func (a *acceptInfo) set(tx *consensus.Tx, result mempool.Result, err error, rate int64) (stop bool, _ error) {
	allowed := err == nil
	a.Allowed = &allowed
	var reject *consensus.Reject
	if errors.As(err, &reject) {
		a.Reject, a.Details = reject.Reason, reject.Error()
		if reject.Result == consensus.MissingInputs {
			a.Reject, a.Details = "missing-inputs", ""
		}
		return true, nil
	}
	if err != nil {
		return true, err
	}
	e := result.Entry
	if rate > 0 && e.Fee > mempool.Rate(rate).Fee(e.VSize) {
		allowed = false
		a.Reject = mempool.MaxRateReason
		return true, nil
	}
	a.VSizeAdjusted, a.VSize, a.VSizeBIP141 = e.VSize, e.VSize, virtualSize(tx)
	a.Fees = &acceptFees{rpc.Amount(e.Fee), rpc.Amount(result.Paid * 1000 / e.VSize), []string{a.Wtxid}}
	return false, nil
}

func (n txCommands) decodeRawTransaction(_ context.Context, call *rpc.Call) (any, error) {
	text, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	tx, err := decodeEither(text, call, 1)
	if err != nil {
		return nil, err
	}
	return render.NewTx(shownMsg(tx), n.Params.Params, false, nil, false), nil
}

// txInfo is what getrawtransaction shows.
type txInfo struct {
	InActiveChain *bool `json:"in_active_chain,omitempty"`
	VSizeAdjusted int64 `json:"vsize_adjusted,omitempty"`
	render.Tx
	BlockHash     string `json:"blockhash,omitempty"`
	Confirmations *int32 `json:"confirmations,omitempty"`
	Time          int64  `json:"time,omitempty"`
	BlockTime     int64  `json:"blocktime,omitempty"`
}

func (n txCommands) getRawTransaction(ctx context.Context, call *rpc.Call) (any, error) {
	txid, err := call.Hash(0)
	if err != nil {
		return nil, renamed(err, "txid", "parameter 1")
	}
	if txid == n.Params.GenesisBlock.Header.MerkleRoot {
		return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "The genesis block coinbase is not considered an ordinary transaction and cannot be retrieved")
	}
	level, err := verbosity(call, 1, 0)
	if err != nil {
		return nil, err
	}
	if call.Has(2) {
		return n.txOfBlock(call, txid, level)
	}
	entry := n.Mempool.Get(txid)
	if entry == nil {
		return n.indexedTx(ctx, txid, level)
	}
	if level <= 0 {
		return hex.EncodeToString(entry.Tx.Raw()), nil
	}
	return txInfo{VSizeAdjusted: entry.VSize, Tx: render.NewTx(shownTx(entry.Tx), n.Params.Params, true, nil, false)}, nil
}

// renamed renames an argument in an error: this command calls it otherwise.
func renamed(err error, from, to string) error {
	var e *rpc.Error
	if errors.As(err, &e) {
		return &rpc.Error{Code: e.Code, Message: strings.Replace(e.Message, from, to, 1)}
	}
	return err
}

func (n txCommands) txOfBlock(call *rpc.Call, txid chainhash.Hash, level int) (any, error) {
	hash, err := call.Hash(2)
	if err != nil {
		return nil, renamed(err, "blockhash", "parameter 3")
	}
	at := n.Tree.Lookup(hash)
	if at == nil {
		return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "Block hash not found")
	}
	if !n.Tree.Info(at).HaveBlock {
		return nil, rpc.Errorf(rpc.MiscError, "Block not available")
	}
	block, err := n.Blocks.ReadBlock(at)
	if err != nil {
		return nil, err
	}
	for i, tx := range block.Txs {
		if tx.ID != txid {
			continue
		}
		if level <= 0 {
			return hex.EncodeToString(tx.Raw()), nil
		}
		info, err := n.confirmedTx(at, block, i, level)
		active := n.Tree.View().Contains(at)
		info.InActiveChain = &active
		return info, err
	}
	return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "No such transaction found in the provided block. Use gettransaction for wallet transactions.")
}

func (n txCommands) confirmedTx(at *chain.BlockNode, block *consensus.Block, i, level int) (info txInfo, err error) {
	var spent []coins.Coin
	if level > 1 && i > 0 && n.Tree.Info(at).HaveUndo {
		undo, err := n.undoData(at, errUndoExpected)
		if err != nil {
			return info, err
		}
		spent = undo[i-1]
	}
	return n.showConfirmed(at, block.Txs[i], spent), nil
}

func (n txCommands) showConfirmed(at *chain.BlockNode, tx *consensus.Tx, spent []coins.Coin) txInfo {
	depth := int32(0)
	info := txInfo{BlockHash: at.Hash.String(), Confirmations: &depth}
	if view := n.Tree.View(); view.Contains(at) {
		depth = confirmations(view, at)
		info.Time, info.BlockTime = at.Time, at.Time
	}
	info.Tx = render.NewTx(shownTx(tx), n.Params.Params, true, shownCoins(spent), true)
	return info
}

// indexedTx shows a transaction that is not in the mempool.
func (n txCommands) indexedTx(ctx context.Context, txid chainhash.Hash, level int) (any, error) {
	if n.Indexes.Transactions == nil {
		return nil, unknownTx("No such mempool transaction. Use -txindex or provide a block hash to enable blockchain transaction queries")
	}
	ready, err := n.Indexes.Await(ctx, n.Indexes.Transactions)
	if err != nil {
		return nil, err
	}
	found, err := n.Indexes.Transactions.Find(txid)
	switch {
	case err != nil:
		return nil, err
	case found == nil && !ready:
		return nil, unknownTx("No such mempool transaction. Blockchain transactions are still in the process of being indexed")
	case found == nil:
		return nil, unknownTx("No such mempool or blockchain transaction")
	case level <= 0:
		return hex.EncodeToString(found.Tx.Raw()), nil
	case level == 1:
		return n.showConfirmed(found.Block, found.Tx, nil), nil
	}
	block, err := n.Blocks.ReadBlock(found.Block)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(block.Txs, func(tx *consensus.Tx) bool { return tx.ID == txid })
	return n.confirmedTx(found.Block, block, i, level)
}

func unknownTx(text string) error {
	return rpc.Errorf(rpc.InvalidAddressOrKey, "%s. Use gettransaction for wallet transactions.", text)
}
