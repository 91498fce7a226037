package chain

import (
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/script"
)

// spendBlock applies a block to a view, verifying everything.
func (e *connector) spendBlock(n *BlockNode, b *consensus.Block, view *coins.View, verify bool) (coins.Undo, error) {
	undo, jobs, err := e.applyBlock(n, b, view)
	if err != nil || !verify {
		return undo, err
	}
	return undo, scriptError(e.cfg.Verifier.Verify(jobs, false))
}

// applyBlock applies a block to a view, verifying everything but scripts.
func (e *connector) applyBlock(n *BlockNode, b *consensus.Block, view *coins.View) (coins.Undo, []script.Job, error) {
	if err := fetch(view.Cache(), b); err != nil {
		return nil, nil, err
	}
	if err := e.checkOverwrites(n, b, view); err != nil {
		return nil, nil, err
	}
	s := spender{node: n, params: e.params, view: view, flags: e.params.ScriptFlags(&b.Hash, n.Height)}
	for i, tx := range b.Txs {
		if err := s.add(tx, i == 0); err != nil {
			return nil, nil, e.firstReason(n, b, view, err)
		}
	}
	if limit := s.fees + e.params.Subsidy(n.Height); b.Txs[0].ValueOut() > limit {
		return nil, nil, consensus.Rejectf(consensus.Invalid, "bad-cb-amount",
			"coinbase pays too much (actual=%d vs limit=%d)", b.Txs[0].ValueOut(), limit)
	}
	return s.undo, s.jobs, nil
}

// scriptError turns the failure of a script into the verdict on its block.
func scriptError(err error) error {
	var failed *script.Error
	if errors.As(err, &failed) {
		return consensus.Rejectf(consensus.Invalid,
			"block-script-verify-flag-failed ("+failed.Reason+")", "%s", failed.Detail())
	}
	return err
}

// spender walks through a block's transactions.
type spender struct {
	node   *BlockNode
	params *consensus.Params
	view   *coins.View
	flags  txscript.ScriptFlags
	fees   int64
	sigOps int
	undo   coins.Undo
	jobs   []script.Job
}

func (s *spender) add(tx *consensus.Tx, coinbase bool) error {
	var spent []coins.Coin
	if !coinbase {
		var err error
		if spent, err = s.spend(tx); err != nil {
			return err
		}
	}
	if s.sigOps += consensus.SigOpsCost(tx, spent, s.flags); s.sigOps > consensus.MaxBlockSigOpsCost {
		return consensus.Rejectf(consensus.Invalid, "bad-blk-sigops", "too many sigops")
	}
	s.view.AddOutputs(tx.MsgTx, tx.ID, s.node.Height, coinbase)
	if !coinbase {
		s.undo = append(s.undo, spent)
		s.jobs = append(s.jobs, script.Job{Tx: tx.MsgTx, Wtxid: tx.WitnessID, Spent: outputs(spent), Flags: s.flags})
	}
	return nil
}

func (s *spender) spend(tx *consensus.Tx) ([]coins.Coin, error) {
	spent := make([]coins.Coin, len(tx.TxIn))
	heights := make([]int32, len(tx.TxIn))
	for i, in := range tx.TxIn {
		coin, err := s.view.Spend(in.PreviousOutPoint)
		if errors.Is(err, coins.ErrMissing) {
			if err := s.view.Examine(in.PreviousOutPoint); err != nil {
				return nil, err
			}
			return nil, consensus.Rejectf(consensus.Invalid, "bad-txns-inputs-missingorspent",
				"CheckTxInputs: inputs missing/spent in transaction %s", tx.ID)
		}
		if err != nil {
			return nil, err
		}
		spent[i], heights[i] = coin, coin.Height
	}
	fee, reject := consensus.CheckInputs(tx, spent, s.node.Height)
	if reject != nil {
		return nil, consensus.Rejectf(consensus.Invalid, reject.Reason, "%s in transaction %s", reject.Detail, tx.ID)
	}
	if s.fees += fee; s.fees > consensus.MaxMoney {
		return nil, consensus.Rejectf(consensus.Invalid, "bad-txns-accumulated-fee-outofrange", "accumulated fee in the block out of range")
	}
	if s.node.Height >= s.params.CSVHeight {
		parent := s.node.Parent
		medianTime := func(height int32) int64 { return parent.Ancestor(height).MedianTime() }
		if !consensus.SequenceLocks(tx, heights, medianTime).Passed(s.node.Height, parent.MedianTime()) {
			return nil, consensus.Rejectf(consensus.Invalid, "bad-txns-nonfinal", "contains a non-BIP68-final transaction %s", tx.ID)
		}
	}
	return spent, nil
}

func outputs(spent []coins.Coin) []wire.TxOut {
	outs := make([]wire.TxOut, len(spent))
	for i := range spent {
		outs[i] = wire.TxOut{Value: spent[i].Value, PkScript: spent[i].Script}
	}
	return outs
}

// bip34Limit is the first height at which a coinbase could again equal one
// from before BIP34, which had a height that was not its own.
const bip34Limit = 1983702

// checkOverwrites verifies that no transaction repeats one that has unspent
// outputs (BIP30).
func (e *connector) checkOverwrites(n *BlockNode, b *consensus.Block, view *coins.View) error {
	if RepeatsCoinbase(n) || e.unlike(n) {
		return nil
	}
	return findOverwrite(n, b, view)
}

// firstReason puts the rule against repeated transactions before others: where
// heights from the first block on rule out that one is valid, it is only looked
// for in a block that breaks another rule.
func (e *connector) firstReason(n *BlockNode, b *consensus.Block, view *coins.View, err error) error {
	if asReject(err) == nil || e.params.BIP34Height > 1 {
		return err
	}
	if repeated := findOverwrite(n, b, view); repeated != nil {
		return repeated
	}
	return err
}

// findOverwrite fails if a transaction would create a coin that there is from
// an earlier block.
func findOverwrite(n *BlockNode, b *consensus.Block, view *coins.View) error {
	for _, tx := range b.Txs {
		for i := range tx.TxOut {
			coin, there, err := view.Get(wire.OutPoint{Hash: tx.ID, Index: uint32(i)})
			if err != nil {
				return err
			}
			if there && coin.Height < n.Height {
				return consensus.Rejectf(consensus.Invalid, "bad-txns-BIP30", "tried to overwrite transaction")
			}
		}
	}
	return nil
}

// unlike reports whether the height in its coinbase (BIP34) makes all of a
// block's transactions differ from those before: a transaction can be repeated
// only if one that it spends from is, down to a coinbase.
func (e *connector) unlike(n *BlockNode) bool {
	if e.params.BIP34Height <= 1 {
		return true
	}
	bip34 := n.Parent.Ancestor(e.params.BIP34Height)
	return bip34 != nil && bip34.Hash == e.params.BIP34Hash && n.Height < bip34Limit
}

// RepeatsCoinbase names the two blocks of mainnet that break BIP30.
func RepeatsCoinbase(n *BlockNode) bool {
	switch n.Height {
	case 91842:
		return n.Hash.String() == "00000000000a4d0a398161ffc163c503763b1f4360639393e0e4c8e300e0caec"
	case 91880:
		return n.Hash.String() == "00000000000743f190a18c5577a3c2d2a1f610ae9601ac046a38084ccb7cd721"
	}
	return false
}

// OverwrittenCoinbase names the two blocks whose coinbases those overwrote.
func OverwrittenCoinbase(n *BlockNode) bool {
	switch n.Height {
	case 91722:
		return n.Hash.String() == "00000000000271a2dc26e7667f8419f2e15416dc6955e5a6c6cdf3f2574dd08e"
	case 91812:
		return n.Hash.String() == "00000000000af0aed4792b1acee3d966af36cf5def14935db8de83d6f9306f2f"
	}
	return false
}

func (e *storage) storeUndo(n *BlockNode, undo coins.Undo) error {
	if n.status&haveUndo != 0 {
		return nil
	}
	raw := undo.Encode()
	if err := e.cfg.Room(int64(len(raw))); err != nil {
		return err
	}
	offset, err := e.cfg.Blocks.AppendUndo(n.block.File, *n.prevHash(), raw)
	if err != nil {
		return err
	}
	e.tree.change(n, func(n *BlockNode) {
		n.status |= haveUndo | validScripts
		n.undo = offset
	})
	return nil
}

// disconnect moves a UTXO set to before a block.
func (e *connector) disconnect(n *BlockNode, b *consensus.Block, set *coins.Cache) error {
	undo, err := e.ReadUndo(n)
	if err != nil {
		return err
	}
	view := set.NewView()
	clean, err := unspendBlock(n, b, undo, view)
	if err != nil {
		return err
	}
	if !clean {
		return fmt.Errorf("%w: block %s", ErrUndo, n.Hash)
	}
	set.Commit(view, *n.prevHash())
	return nil
}

// unspendBlock is the inverse of spendBlock. clean is false if the set was not
// what the block left behind.
func unspendBlock(n *BlockNode, b *consensus.Block, undo coins.Undo, view *coins.View) (clean bool, err error) {
	if len(undo)+1 != len(b.Txs) {
		return false, fmt.Errorf("%w: block %s has %d transactions", ErrUndo, n.Hash, len(b.Txs))
	}
	clean = true
	for i := len(b.Txs) - 1; i >= 0; i-- {
		tx := b.Txs[i]
		removed, err := view.RemoveOutputs(tx.MsgTx, tx.ID, n.Height, i == 0)
		if err != nil {
			return false, err
		}
		clean = clean && (removed || i == 0 && OverwrittenCoinbase(n))
		if i == 0 {
			break
		}
		if len(undo[i-1]) != len(tx.TxIn) {
			return false, fmt.Errorf("%w: transaction %s", ErrUndo, tx.ID)
		}
		for j := len(tx.TxIn) - 1; j >= 0; j-- {
			view.Add(tx.TxIn[j].PreviousOutPoint, undo[i-1][j], false)
		}
	}
	return clean, nil
}
