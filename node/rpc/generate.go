package rpc

import (
	"context"
	"encoding/hex"
	"errors"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/address"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/descriptor"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// defaultTries is how many nonces are tried for a block.
const defaultTries = 1_000_000

// generateHelp is what clients that still call generate are told.
const generateHelp = "generate\n\nhas been replaced by the -generate cli option. Refer to -help for more information.\n"

func (n *miner) generateCommands() rpc.Table {
	maxTries := rpc.Param{Name: "maxtries", Type: rpc.Number, Optional: true, Default: "1000000", Help: "How many iterations to try."}
	return rpc.Table{
		{
			Name: "generate", Category: "hidden", HelpText: generateHelp,
			Run: func(context.Context, *rpc.Call) (any, error) {
				return nil, &rpc.Error{Code: rpc.MethodNotFound, Message: generateHelp}
			},
		},
		{
			Name: "generatetoaddress", Returns: []string{}, Category: "hidden", Run: n.generateToAddress,
			Summary: "Mine to a specified address and return the block hashes.",
			Params: []rpc.Param{
				{Name: "nblocks", Type: rpc.Number, Help: "How many blocks are generated."},
				{Name: "address", Type: rpc.String, Help: "The address to send the newly generated bitcoin to."},
				maxTries,
			},
		},
		{
			Name: "generatetodescriptor", Returns: []string{}, Category: "hidden", Run: n.generateToDescriptor,
			Summary: "Mine to a specified descriptor and return the block hashes.",
			Params: []rpc.Param{
				{Name: "num_blocks", Type: rpc.Number, Help: "How many blocks are generated."},
				{Name: "descriptor", Type: rpc.String, Help: "The descriptor to send the newly generated bitcoin to."},
				maxTries,
			},
		},
		{
			Name: "generateblock", Returns: generated{}, Category: "hidden", Run: n.generateBlock,
			Summary: "Mine a set of ordered transactions to a specified address or descriptor and return the block hash.",
			Params: []rpc.Param{
				{Name: "output", Type: rpc.String, Help: "The address or descriptor to send the newly generated bitcoin to."},
				{Name: "transactions", Type: rpc.Array, Inner: hexes("rawtx/txid", ""), Help: "An array of hex strings which are either txids or raw transactions."},
				{Name: "submit", Type: rpc.Bool, Optional: true, Default: "true", Help: "Whether to submit the block before the RPC call returns or to return it as hex."},
			},
		},
	}
}

func (n *miner) generateToAddress(ctx context.Context, call *rpc.Call) (any, error) {
	text, err := call.Text(1, "")
	if err != nil {
		return nil, err
	}
	script, err := address.Script(text, n.Params.Params)
	if err != nil {
		return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "Error: Invalid address")
	}
	return n.generateCall(ctx, call, script)
}

func (n *miner) generateToDescriptor(ctx context.Context, call *rpc.Call) (any, error) {
	text, err := call.Text(1, "")
	if err != nil {
		return nil, err
	}
	d, err := descriptor.Parse(text, n.Params.Params)
	if err != nil {
		return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "%v", err)
	}
	script, err := outputScript(d)
	if err != nil {
		return nil, err
	}
	return n.generateCall(ctx, call, script)
}

func (n *miner) generateCall(ctx context.Context, call *rpc.Call, script []byte) (any, error) {
	count, err := call.Int(0, 0)
	if err != nil {
		return nil, err
	}
	tries, err := call.Int64(2, defaultTries)
	if err != nil {
		return nil, err
	}
	return n.generate(ctx, count, script, uint64(max(tries, 0)))
}

type generated struct {
	Hash string `json:"hash"`
	Hex  string `json:"hex,omitempty"`
}

func (n *miner) generateBlock(ctx context.Context, call *rpc.Call) (any, error) {
	text, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	script, err := n.destination(text)
	if err != nil {
		return nil, err
	}
	txs, err := n.namedTxs(call)
	if err != nil {
		return nil, err
	}
	submit, err := call.Bool(2, true)
	if err != nil {
		return nil, err
	}
	block, err := n.exact(ctx, script, txs)
	if err != nil {
		return nil, err
	}
	result := generated{Hash: block.Hash.String()}
	if !submit {
		result.Hex = hex.EncodeToString(block.Raw)
		return result, nil
	}
	return result, n.submitOwn(ctx, block)
}

// destination returns the script of a descriptor or an address.
func (n *miner) destination(text string) ([]byte, error) {
	if d, err := descriptor.Parse(text, n.Params.Params); err == nil {
		return outputScript(d)
	}
	script, err := address.Script(text, n.Params.Params)
	if err != nil {
		return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "Error: Invalid address or descriptor")
	}
	return script, nil
}

// outputScript returns the one script of a descriptor to pay to; of a combo
// the witness script if there is one, else that of the key's hash.
func outputScript(d *descriptor.Descriptor) ([]byte, error) {
	if d.IsRange() {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Ranged descriptor not accepted. Maybe pass through deriveaddresses first?")
	}
	list, err := d.Expand(0)
	switch {
	case errors.Is(err, descriptor.ErrPrivate):
		return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "Cannot derive script without private keys")
	case err != nil:
		return nil, err
	}
	return list[len(list)/2].Script, nil
}

// namedTxs reads txids of the mempool and raw transactions.
func (n *miner) namedTxs(call *rpc.Call) ([]*consensus.Tx, error) {
	var texts []string
	if err := call.Decode(1, &texts); err != nil {
		return nil, err
	}
	txs := make([]*consensus.Tx, len(texts))
	for i, text := range texts {
		var txid chainhash.Hash
		if len(text) == 2*chainhash.HashSize && chainhash.Decode(&txid, text) == nil {
			entry := n.Mempool.Get(txid)
			if entry == nil {
				return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "Transaction %s not in mempool.", text)
			}
			txs[i] = entry.Tx
			continue
		}
		tx, err := decodeTx(text)
		if err != nil {
			return nil, rpc.Errorf(rpc.DeserializationErr, "Transaction decode failed for %s. Make sure the tx has at least one input.", text)
		}
		txs[i] = tx
	}
	return txs, nil
}
