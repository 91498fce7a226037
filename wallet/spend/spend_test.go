package spend_test

import (
	"testing"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bulkheadnode/bulkhead/wallet/spend"
)

func keyAndScript(t require.TestingT) (*btcec.PrivateKey, []byte) {
	key, pub := btcec.PrivKeyFromBytes([]byte{31: 7})
	addr, err := address.NewAddressWitnessPubKeyHash(address.Hash160(pub.SerializeCompressed()), &chaincfg.RegressionNetParams)
	require.NoError(t, err)
	script, err := txscript.PayToAddrScript(addr)
	require.NoError(t, err)
	return key, script
}

func TestPaymentsBalanceAndVerify(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key, script := keyAndScript(t)
		values := rapid.SliceOfN(rapid.Int64Range(200, 1e9), 1, 40).Draw(t, "coins")
		coins := make([]spend.Coin, len(values))
		total := int64(0)
		for i, value := range values {
			coins[i] = spend.Coin{OutPoint: wire.OutPoint{Hash: chainhash.Hash{byte(i)}}, Value: value, Script: script}
			total += value
		}
		order := spend.Order{
			Outputs:     []*wire.TxOut{wire.NewTxOut(rapid.Int64Range(1000, total+1000).Draw(t, "amount"), script)},
			FeeRate:     rapid.Int64Range(0, 100_000).Draw(t, "rate"),
			Change:      script,
			SubtractFee: rapid.Bool().Draw(t, "subtract"),
		}
		p, err := spend.Plan(coins, order)
		if err != nil {
			return // too little: the examples below check when
		}
		require.NoError(t, p.Sign(func([]byte) (*btcec.PrivateKey, error) { return btcec.PrivKeyFromScalar(&key.Key), nil }))
		in, out := int64(0), int64(0)
		spent := map[wire.OutPoint]*wire.TxOut{}
		for _, c := range p.Spent {
			in += c.Value
			spent[c.OutPoint] = wire.NewTxOut(c.Value, c.Script)
		}
		for _, o := range p.Tx.TxOut {
			out += o.Value
			require.GreaterOrEqual(t, o.Value, int64(spend.DustLimit))
		}
		require.Len(t, spent, len(p.Tx.TxIn), "no coin twice")
		require.Equal(t, p.Fee, in-out)
		weight := 3*int64(p.Tx.SerializeSizeStripped()) + int64(p.Tx.SerializeSize())
		least := (weight + 3) / 4 * order.FeeRate / 1000
		require.GreaterOrEqual(t, p.Fee, least)
		require.LessOrEqual(t, p.Fee, least+least/10+1000+2*order.FeeRate/10)
		if !order.SubtractFee {
			require.Equal(t, order.Outputs[0].Value, p.Tx.TxOut[0].Value)
		}
		fetcher := txscript.NewMultiPrevOutFetcher(spent)
		hashes := txscript.NewTxSigHashes(p.Tx, fetcher)
		vm, err := txscript.NewEngine(script, p.Tx, 0, txscript.StandardVerifyFlags, nil, hashes, p.Spent[0].Value, fetcher)
		require.NoError(t, err)
		require.NoError(t, vm.Execute())
	})
}

func TestExactMatchNeedsNoChange(t *testing.T) {
	_, script := keyAndScript(t)
	var coins []spend.Coin
	for i, value := range []int64{70_000, 50_000, 30_000, 20_000} {
		coins = append(coins, spend.Coin{OutPoint: wire.OutPoint{Index: uint32(i)}, Value: value, Script: script})
	}
	p, err := spend.Plan(coins, spend.Order{Outputs: []*wire.TxOut{wire.NewTxOut(50_000, script)}, FeeRate: 0, Change: script})
	require.NoError(t, err)
	require.Zero(t, p.Change)
	require.Len(t, p.Spent, 1)
	require.EqualValues(t, 50_000, p.Spent[0].Value)
}

func TestTooLittleIsSaid(t *testing.T) {
	_, script := keyAndScript(t)
	coins := []spend.Coin{{Value: 10_000, Script: script}}
	_, err := spend.Plan(coins, spend.Order{Outputs: []*wire.TxOut{wire.NewTxOut(10_000, script)}, FeeRate: 1000, Change: script})
	require.ErrorIs(t, err, spend.ErrInsufficient)
	p, err := spend.Plan(coins, spend.Order{Outputs: []*wire.TxOut{wire.NewTxOut(10_000, script)}, FeeRate: 1000, Change: script, SubtractFee: true})
	require.NoError(t, err)
	require.EqualValues(t, 10_000-p.Fee, p.Tx.TxOut[0].Value)
}
