package rpc_test

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/consensus"
	noderpc "github.com/bulkheadnode/bulkhead/node/rpc"
)

// lostUndo are blocks whose undo data is gone from the disk.
type lostUndo struct{ noderpc.Blocks }

func (lostUndo) ReadUndo(*chain.BlockNode) (coins.Undo, error) {
	return nil, errors.New("open /home/somebody/blocks/rev00000.dat: no such file or directory")
}

// TestLostUndoDataIsSaid in Bitcoin Core's words, and not where it was.
func TestLostUndoDataIsSaid(t *testing.T) {
	base := chaintest.Genesis(t, chaintest.Regtest(t)).Extend(102, 0)
	spending := chaintest.Spend([]wire.OutPoint{base.Coinbase(1)}, 50*consensus.Coin)
	tip := base.Next(spending)
	c := newIndexedChain(t, tip)
	engine := c.owner.Chain()
	table := noderpc.Table(&noderpc.Node{
		Params: chaintest.Regtest(t), Tree: engine, Blocks: lostUndo{engine}, Coins: c.owner, Owner: c.owner, Mempool: c.owner.Pool(),
		Indexes: c.indexes, Log: slog.New(slog.DiscardHandler),
	})
	const expected = "Undo data expected but can't be read. This could be due to disk corruption or a conflict with a pruning event."
	block := `"` + tip.Hash.String() + `"`
	requireRefusals(t, table, []refusal{
		{"getblock", `[` + block + `, 2]`, rpc.InternalError, expected},
		{"getblock", `[` + block + `, 3]`, rpc.InternalError, expected},
		{"getrawtransaction", `["` + spending.ID.String() + `", 2, ` + block + `]`, rpc.InternalError, expected},
		{"getblockstats", `[` + block + `]`, rpc.MiscError, "Can't read undo data from disk"},
		{"getdescriptoractivity", `[[` + block + `], [], false]`, rpc.MiscError, "Can't read undo data from disk"},
	})
}
