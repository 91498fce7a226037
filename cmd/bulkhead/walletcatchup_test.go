package main_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/address"
)

// anyoneCanSpend is the descriptor of the script OP_TRUE.
const anyoneCanSpend = "raw(51)#8lvh9jxk"

// manyPayments returns transactions that each pay the same to a script, and
// the one whose outputs they spend. They are funded by the coinbase of the
// first block, which anyone can spend.
func manyPayments(t *testing.T, n *node, script []byte, count int, value int64) (parent string, payments []string) {
	const fee = 1000
	block := n.must("getblock", n.must("getblockhash", 1)).(map[string]any)
	coinbase, err := chainhash.NewHashFromStr(block["tx"].([]any)[0].(string))
	require.NoError(t, err)
	fanOut := wire.NewMsgTx(2)
	fanOut.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: *coinbase}, nil, nil))
	for range count {
		fanOut.AddTxOut(wire.NewTxOut(value+fee, []byte{txscript.OP_TRUE}))
	}
	encode := func(tx *wire.MsgTx) string {
		var raw bytes.Buffer
		require.NoError(t, tx.Serialize(&raw))
		return hex.EncodeToString(raw.Bytes())
	}
	for i := range count {
		tx := wire.NewMsgTx(2)
		tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: fanOut.TxHash(), Index: uint32(i)}, nil, nil))
		tx.AddTxOut(wire.NewTxOut(value, script))
		payments = append(payments, encode(tx))
	}
	return encode(fanOut), payments
}

// TestAWalletCatchesUpWithTwentyThousandPayments: more than fit into one
// message of the bus, more in one block, and more in the mempool.
func TestAWalletCatchesUpWithTwentyThousandPayments(t *testing.T) {
	n := startNode(t, "regtest", "-connect=0", "-acceptnonstdtxn=1")
	n.must("generatetodescriptor", 1, anyoneCanSpend)
	n.must("generatetoaddress", 100, btcdMiningAddress)
	n.must("createwallet", "w")
	script, err := address.Script(n.must("getnewaddress").(string), &chaincfg.RegressionNetParams)
	require.NoError(t, err)
	n.must("unloadwallet", "w")

	const inChain, inMempool, value = 20_000, 4500, 100_000
	parent, payments := manyPayments(t, n, script, inChain+inMempool, value)
	n.must("generateblock", btcdMiningAddress, []string{parent})
	n.must("generateblock", btcdMiningAddress, payments[:inChain/2])
	n.must("generateblock", btcdMiningAddress, payments[inChain/2:inChain])
	for _, payment := range payments[inChain:] {
		n.must("sendrawtransaction", payment)
	}

	n.must("loadwallet", "w")
	n.eventually("the wallet to have caught up", func() error {
		mine := n.must("getbalances").(map[string]any)["mine"].(map[string]any)
		if mine["trusted"] != inChain*value/1e8 || mine["untrusted_pending"] != inMempool*value/1e8 {
			return fmt.Errorf("balances: %v", mine)
		}
		return nil
	})
	require.EqualValues(t, inChain+inMempool, n.must("getwalletinfo").(map[string]any)["txcount"])
	require.Len(t, n.must("listtransactions", "*", 10_000, 12_000), 10_000)
	n.stop()
}
