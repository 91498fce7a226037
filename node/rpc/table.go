package rpc

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
)

// Parameters that several commands have.
func blockHashParam(help string) rpc.Param {
	return rpc.Param{Name: "blockhash", Type: rpc.String, Form: rpc.Hex, Help: help}
}

func txidParam(help string) rpc.Param {
	return rpc.Param{Name: "txid", Type: rpc.String, Form: rpc.Hex, Help: help}
}

// hexes are the elements of an array of strings in hex.
func hexes(name, help string) []rpc.Param {
	return []rpc.Param{{Name: name, Type: rpc.String, Form: rpc.Hex, Help: help}}
}

// block returns the node of a block hash given as argument i.
func (n *Node) block(call *rpc.Call, i int) (*chain.BlockNode, error) {
	hash, err := call.Hash(i)
	if err != nil {
		return nil, err
	}
	at := n.Tree.Lookup(hash)
	if at == nil {
		return nil, rpc.Errorf(rpc.InvalidAddressOrKey, "Block not found")
	}
	return at, nil
}

// blockData returns a block whose data must be there.
func (n *Node) blockData(at *chain.BlockNode) (*consensus.Block, error) {
	if err := n.checkStored(at); err != nil {
		return nil, err
	}
	block, err := n.Blocks.ReadBlock(at)
	if err != nil {
		return nil, n.unreadable(at, err)
	}
	return block, nil
}

// checkStored fails if a block's data is not there.
func (n *Node) checkStored(at *chain.BlockNode) error {
	if n.Blocks.IsPruned(at) {
		return rpc.Errorf(rpc.MiscError, "Block not available (pruned data)")
	}
	if !n.Tree.Info(at).HaveBlock {
		return rpc.Errorf(rpc.MiscError, "Block not available (not fully downloaded)")
	}
	return nil
}

// unreadable is what a client is told when a block's data is there and cannot be read.
func (n *Node) unreadable(at *chain.BlockNode, err error) error {
	n.Log.Error(fmt.Sprintf("Block %s: %v", at.Hash, err))
	return rpc.Errorf(rpc.MiscError, "Block not found on disk")
}

// undoData returns what a block spends, which has been written once.
func (n *Node) undoData(at *chain.BlockNode, failed error) (coins.Undo, error) {
	undo, err := n.Blocks.ReadUndo(at)
	if err != nil {
		n.Log.Error(fmt.Sprintf("Undo data of block %s: %v", at.Hash, err))
		return nil, failed
	}
	return undo, nil
}

// The texts of Bitcoin Core for undo data that cannot be read.
var (
	errUndo         = rpc.Errorf(rpc.MiscError, "Can't read undo data from disk")
	errUndoExpected = rpc.Errorf(rpc.InternalError, "Undo data expected but can't be read. This could be due to disk corruption or a conflict with a pruning event.")
)

// verbosity reads a number, or a bool for 0 and 1.
func verbosity(call *rpc.Call, i, fallback int) (int, error) {
	var flag bool
	if raw := call.Raw(i); raw != nil && json.Unmarshal(raw, &flag) == nil {
		if flag {
			return 1, nil
		}
		return 0, nil
	}
	return call.Int(i, fallback)
}

// decodeTx parses a transaction in hex.
func decodeTx(text string) (*consensus.Tx, error) {
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, err
	}
	// What has neither inputs nor outputs could be the beginning of one with a witness,
	// for which the library takes it.
	if none := emptyTx(raw); none != nil {
		return none, nil
	}
	return consensus.ParseTx(raw)
}

// emptyTx reads a transaction without inputs and outputs, nil for any other.
func emptyTx(raw []byte) *consensus.Tx {
	if len(raw) != 10 || raw[4] != 0 || raw[5] != 0 {
		return nil
	}
	return consensus.NewTx(&wire.MsgTx{
		Version: int32(binary.LittleEndian.Uint32(raw)), LockTime: binary.LittleEndian.Uint32(raw[6:]),
	})
}

// confirmations counts from the tip; -1 for a block that is not in the best
// chain.
func confirmations(view *chain.View, at *chain.BlockNode) int32 {
	if !view.Contains(at) {
		return -1
	}
	return view.Height() - at.Height + 1
}

func hashStrings(hashes []chainhash.Hash) []string {
	texts := make([]string, len(hashes))
	for i := range hashes {
		texts[i] = hashes[i].String()
	}
	return texts
}

// errShuttingDown is the answer of a command that the node's end cut short.
var errShuttingDown = rpc.Errorf(rpc.ClientNotConnected, "Shutting down")

// untilTheEnd makes a command that was interrupted say so in the words of
// Bitcoin Core.
func untilTheEnd(run func(context.Context, *rpc.Call) (any, error)) func(context.Context, *rpc.Call) (any, error) {
	return func(ctx context.Context, call *rpc.Call) (any, error) {
		result, err := run(ctx, call)
		if errors.Is(err, chain.ErrInterrupted) {
			return nil, errShuttingDown
		}
		return result, err
	}
}

// refusal turns an error about a transaction or a block into one of a code;
// other errors are passed on.
func refusal(err error, code rpc.Code) error {
	var reject *consensus.Reject
	if errors.As(err, &reject) {
		return rpc.Errorf(code, "%s", reject.Error())
	}
	return err
}
