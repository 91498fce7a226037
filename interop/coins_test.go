package interop

import (
	"encoding/hex"
	"testing"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

const (
	coinbaseValue = 50e8
	fee           = 1e4
)

// coins are coinbases of nobody's that may be spent. They are signed by btcsuite's
// code, so that a wallet of ours is not needed and does not judge itself.
type coins struct{ left []wire.OutPoint }

// mineCoins makes a chain of 120 blocks and returns its mature coinbases.
func mineCoins(n *node) *coins {
	var c coins
	for _, hash := range get[[]string](n, "generatetoaddress", 120, nobodys)[:20] {
		block := get[struct{ Tx []string }](n, "getblock", hash)
		id, err := chainhash.NewHashFromStr(block.Tx[0])
		require.NoError(n.t, err)
		c.left = append(c.left, wire.OutPoint{Hash: *id})
	}
	return &c
}

// pay returns a transaction, not sent, that gives the next coin less the fee to an address.
func (c *coins) pay(t *testing.T, to string) *wire.MsgTx {
	return spend(t, c.take(t), coinbaseValue, to, fee)
}

// take returns the next coin, of coinbaseValue.
func (c *coins) take(t *testing.T) wire.OutPoint {
	require.NotEmpty(t, c.left)
	from := c.left[0]
	c.left = c.left[1:]
	return from
}

// spend spends an output of nobody's whose value in satoshis is known.
func spend(t *testing.T, from wire.OutPoint, value int64, to string, fee int64) *wire.MsgTx {
	return spendAs(t, 2, from, value, to, fee)
}

// spendAs is spend with a transaction's version: 3 is that of BIP431.
func spendAs(t *testing.T, version int32, from wire.OutPoint, value int64, to string, fee int64) *wire.MsgTx {
	tx := wire.NewMsgTx(version)
	tx.AddTxIn(wire.NewTxIn(&from, nil, nil))
	tx.AddTxOut(wire.NewTxOut(value-fee, scriptOf(t, to)))
	key, _ := btcec.PrivKeyFromBytes([]byte{1})
	script := scriptOf(t, nobodys)
	hashes := txscript.NewTxSigHashes(tx, txscript.NewCannedPrevOutputFetcher(script, value))
	witness, err := txscript.WitnessSignature(tx, hashes, 0, value, script, txscript.SigHashAll, key, true)
	require.NoError(t, err)
	tx.TxIn[0].Witness = witness
	return tx
}

func decode(t *testing.T, text string) address.Address {
	addr, err := address.DecodeAddress(text, &chaincfg.RegressionNetParams)
	require.NoError(t, err)
	return addr
}

func scriptOf(t *testing.T, text string) []byte {
	script, err := txscript.PayToAddrScript(decode(t, text))
	require.NoError(t, err)
	return script
}

func fromHex(t *testing.T, text string) []byte {
	raw, err := hex.DecodeString(text)
	require.NoError(t, err)
	return raw
}
