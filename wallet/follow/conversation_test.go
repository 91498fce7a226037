package follow_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/cockroachdb/datadriven"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/wallet/follow"
	"github.com/bulkheadnode/bulkhead/wallet/keypool"
	"github.com/bulkheadnode/bulkhead/wallet/ledger"
)

// conversation is a wallet and what a file of testdata calls things: blocks
// a1, a2, b2 (branch and height), transactions by any name, scripts m/0/7 for
// the wallet's and anything else for a stranger's.
type conversation struct {
	t       *testing.T
	names   map[chainhash.Hash]string
	txs     map[string]*wire.MsgTx
	wallet  *follow.Follower
	ledger  *ledger.Ledger
	request uint64 // the number of the last one
	seq     uint64
	balance ledger.Balances
}

// TestConversations runs the recorded conversations between a wallet and its
// node. go test -rewrite records them anew.
func TestConversations(t *testing.T) {
	datadriven.Walk(t, "testdata/conversations", func(t *testing.T, path string) {
		c := &conversation{t: t, names: map[chainhash.Hash]string{}, txs: map[string]*wire.MsgTx{}}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			c.t = t
			return c.run(d)
		})
	})
}

func (c *conversation) run(d *datadriven.TestData) string {
	switch d.Cmd {
	case "wallet":
		pool, err := keypool.New(account{}, [2]uint32{})
		require.NoError(c.t, err)
		hash, height := c.block(d.CmdArgs[0].Key)
		c.ledger = ledger.New(pool.Owns)
		c.wallet = follow.New(c.ledger, pool, follow.Position{Locator: []chainhash.Hash{hash}, Height: height})
		return ""
	case "tx":
		c.define(d)
		return ""
	}
	effects, err := c.wallet.Step(c.input(d), 1000)
	require.NoError(c.t, err)
	var out strings.Builder
	for _, e := range effects {
		fmt.Fprintln(&out, c.show(e))
	}
	if b := c.ledger.Balances(); b != c.balance {
		c.balance = b
		fmt.Fprintf(&out, "balance: trusted %d, untrusted %d, immature %d\n", b.Trusted, b.Untrusted, b.Immature)
	}
	return out.String()
}

func (c *conversation) block(name string) (chainhash.Hash, int32) {
	hash := chainhash.HashH([]byte(name))
	c.names[hash] = name
	height, err := strconv.Atoi(name[1:])
	require.NoError(c.t, err)
	return hash, int32(height)
}

// define reads: tx NAME from=(TX:OUTPUT, ...) to=(SCRIPT:VALUE, ...).
func (c *conversation) define(d *datadriven.TestData) {
	tx := wire.NewMsgTx(2)
	tx.LockTime = uint32(len(c.txs))
	for _, arg := range d.CmdArgs[1:] {
		for _, val := range arg.Vals {
			name, number, found := strings.Cut(val, ":")
			require.True(c.t, found, val)
			n, err := strconv.Atoi(number)
			require.NoError(c.t, err)
			switch {
			case arg.Key == "to":
				tx.AddTxOut(wire.NewTxOut(int64(n), []byte(name)))
			case name == "coinbase":
				tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Index: wire.MaxPrevOutIndex}, nil, nil))
			case c.txs[name] != nil:
				tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: c.txs[name].TxHash(), Index: uint32(n)}, nil, nil))
			default:
				tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: chainhash.HashH([]byte(name)), Index: uint32(n)}, nil, nil))
			}
		}
	}
	c.txs[d.CmdArgs[0].Key] = tx
	c.names[tx.TxHash()] = d.CmdArgs[0].Key
}

func (c *conversation) input(d *datadriven.TestData) follow.Input {
	var args []string
	for _, arg := range d.CmdArgs {
		args = append(args, arg.Key)
	}
	has := func(word string) bool { return slices.Contains(args, word) }
	switch d.Cmd {
	case "node-up":
		return follow.NodeUp{}
	case "events-lost":
		return follow.EventsLost{}
	case "tip":
		hash, height := c.block(args[0])
		return follow.Tip{Hash: hash, Height: height}
	case "enters", "leaves":
		c.seq++
		return follow.PoolEvent{Seq: c.seq, Tx: c.txs[args[0]], Entered: d.Cmd == "enters", ByBlock: has("for-a-block")}
	case "retry":
		return follow.Retry{}
	case "pay":
		return follow.Pay{Tx: c.txs[args[0]]}
	case "paid":
		return follow.Paid{Hash: c.txs[args[0]].TxHash(), Refused: has("refused"), Unknown: has("unknown")}
	case "abandon":
		return follow.Abandon{Hash: c.txs[args[0]].TxHash()}
	}
	return c.answer(d.Cmd, args)
}

func (c *conversation) answer(cmd string, args []string) follow.Input {
	switch cmd {
	case "watched":
		return follow.Watched{Request: c.request}
	case "fork", "block":
		hash, height := c.block(args[0])
		item := follow.Scanned{Request: c.request, Hash: hash, Height: height, Time: int64(height), TipHeight: height}
		for i, name := range args[1:] {
			if name == "partial" {
				item.Partial = true
				continue
			}
			item.Txs, item.Indexes = append(item.Txs, c.txs[name]), append(item.Indexes, i+1)
		}
		return item
	case "scan-ends":
		return follow.ScanEnded{Request: c.request}
	case "listed":
		seq, err := strconv.Atoi(args[0])
		require.NoError(c.t, err)
		item := follow.Listed{Request: c.request, Seq: uint64(seq)}
		for _, name := range args[1:] {
			item.Txs = append(item.Txs, c.txs[name])
		}
		return item
	case "list-ends":
		return follow.ListEnded{Request: c.request}
	case "sent":
		return follow.Sent{Request: c.request}
	case "refused":
		return follow.Sent{Request: c.request, Refusal: "too poor"}
	case "failed":
		return follow.Failed{Request: c.request, Reason: "the node is gone", Forgotten: slices.Contains(args, "forgotten")}
	}
	c.t.Fatalf("unknown command %q", cmd)
	return nil
}

func (c *conversation) show(e follow.Effect) string {
	switch e := e.(type) {
	case follow.Watch:
		c.request = e.Request
		return fmt.Sprintf("watch %d scripts, the first %s", len(e.Scripts), e.Scripts[0])
	case follow.Scan:
		c.request = e.Request
		return "scan after " + c.name(e.Locator[0])
	case follow.List:
		c.request = e.Request
		return "list the mempool"
	case follow.Send:
		c.request = e.Request
		return "send " + c.name(e.Tx.TxHash())
	case follow.Cancel:
		return "cancel the request"
	case follow.Wait:
		return "wait: " + e.Reason
	case follow.Refused:
		return "refused: " + c.name(e.Hash) + ": " + e.Reason
	case follow.Rescanned:
		return fmt.Sprintf("rescanned %d to %d", e.From, e.To)
	case follow.Save:
		return c.showSave(e)
	}
	c.t.Fatalf("unknown effect %T", e)
	return ""
}

func (c *conversation) showSave(e follow.Save) string {
	text := "save"
	for _, tx := range e.Txs {
		text += " " + c.name(tx.Hash)
		if tx.Block != nil {
			text += " in " + c.name(tx.Block.Hash)
		}
		if tx.Abandoned {
			text += " abandoned"
		}
		text += ","
	}
	for _, hash := range e.Forget {
		text += " without " + c.name(hash) + ","
	}
	return text + " at " + c.name(e.Position.Hash())
}

func (c *conversation) name(hash chainhash.Hash) string {
	name, known := c.names[hash]
	require.True(c.t, known, "%s", hash)
	return name
}

// TestInSyncWithNothingBeforeTheNodeIsThere: a command may ask for the node's
// tip before the wallet has begun to follow it. What it then knows is what was
// on disk.
func TestInSyncWithNothingBeforeTheNodeIsThere(t *testing.T) {
	pool, err := keypool.New(account{}, [2]uint32{})
	require.NoError(t, err)
	tip := chainhash.HashH([]byte("a1"))
	w := follow.New(ledger.New(pool.Owns), pool, follow.Position{Locator: []chainhash.Hash{tip}, Height: 1})
	require.False(t, w.InSync())
	effects, err := w.Step(follow.Tip{Hash: tip, Height: 1}, 1000)
	require.NoError(t, err)
	require.Empty(t, effects)
	require.False(t, w.InSync())
	_, err = w.Step(follow.NodeUp{}, 1000)
	require.NoError(t, err)
	require.False(t, w.InSync(), "the node has yet to answer")
}
