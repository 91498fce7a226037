package rpc_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
	"github.com/bulkheadnode/bulkhead/node/mempool"
	noderpc "github.com/bulkheadnode/bulkhead/node/rpc"
	"github.com/bulkheadnode/bulkhead/node/tipwatch"
)

// movingPool is a mempool of which no more is known than that it changes.
type movingPool struct {
	noderpc.Mempool
	sequence atomic.Uint64
}

func (p *movingPool) Figures() mempool.Figures { return mempool.Figures{Sequence: p.sequence.Load()} }

// longPoll returns the id of the next template after that with the given one.
func longPoll(t *testing.T, table rpc.Table, id string) string {
	t.Helper()
	params := `[{"rules": ["segwit"]}]`
	if id != "" {
		params = fmt.Sprintf(`[{"rules": ["segwit"], "longpollid": %q}]`, id)
	}
	command, found := table.Find("getblocktemplate")
	require.True(t, found)
	call, err := rpc.NewCall(command, params)
	require.NoError(t, err)
	result, err := command.Run(t.Context(), call)
	require.NoError(t, err)
	raw, err := json.Marshal(result)
	require.NoError(t, err)
	var template struct{ LongPollID string }
	require.NoError(t, json.Unmarshal(raw, &template))
	return template.LongPollID
}

// beginning is a tree whose node is still in its first download.
type beginning struct{ noderpc.Tree }

func (b beginning) View() *chain.View {
	view := *b.Tree.View()
	view.Initial = true
	return &view
}

// TestOnlyMainnetWaitsForBlocks: on the chains for tests a lone node may have a miner.
func TestOnlyMainnetWaitsForBlocks(t *testing.T) {
	p := chaintest.Regtest(t)
	c := newIndexedChain(t, chaintest.Genesis(t, p).Extend(1, 0))
	for name, wanted := range map[string]error{
		chains.Main:     rpc.Errorf(rpc.InInitialDownload, "Bulkhead is in initial sync and waiting for blocks..."),
		chains.Testnet3: nil, chains.Testnet4: nil, chains.Regtest: nil,
	} {
		c.table = noderpc.Table(&noderpc.Node{
			Params: p, Settings: noderpc.Settings{Chain: name}, Tree: beginning{c.owner.Chain()}, Owner: c.owner,
			Mempool: c.owner.Pool(), Log: slog.New(slog.DiscardHandler), Now: func() int64 { return chainTime },
		})
		require.Equal(t, wanted, c.ask(t.Context(), "getblocktemplate", `[{"rules": ["segwit"]}]`), name)
	}
}

// TestALongPollHasPatienceWithTransactions: a mempool changes many times a second, and a
// miner that was told of each would ask as often.
func TestALongPollHasPatienceWithTransactions(t *testing.T) {
	p := chaintest.Regtest(t)
	genesis := chaintest.Genesis(t, p)
	c := newIndexedChain(t, genesis.Extend(1, 0))
	synctest.Test(t, func(t *testing.T) {
		pool, tips := &movingPool{}, tipwatch.New()
		table := noderpc.Table(&noderpc.Node{
			Params: p, Tree: c.owner.Chain(), Owner: c.owner, Mempool: pool, Tips: tips, Log: slog.New(slog.DiscardHandler),
			Now: func() int64 { return chainTime },
		})
		first := longPoll(t, table, "")
		pool.sequence.Add(1)
		start := time.Now()
		second := longPoll(t, table, first)
		require.Equal(t, time.Minute, time.Since(start))
		require.NotEqual(t, first, second)

		time.AfterFunc(75*time.Second, func() { pool.sequence.Add(1) })
		start = time.Now()
		third := longPoll(t, table, second)
		require.Equal(t, 80*time.Second, time.Since(start), "no sooner than there is another")
		require.NotEqual(t, second, third)

		start = time.Now()
		require.Equal(t, third, longPoll(t, table, genesis.Hash.String()+"0"))
		require.Zero(t, time.Since(start), "the tip is another")
	})
}
