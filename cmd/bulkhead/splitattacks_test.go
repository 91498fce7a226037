package main_test

import (
	"bytes"
	"testing"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// splitValue is what each output holds whose spending splits those who err from others.
const splitValue = 1_000_000

// split is a transaction over whose validity implementations have parted.
type split struct {
	name   string
	script []byte // that is paid to
	// spend fills the only input, which spends an output of script.
	spend   func(t testing.TB, tx *wire.MsgTx)
	refused string // why no block may have it; empty if one may
}

// splits are the faults that btcd had, and those next to them: what was refused wrongly
// and what was accepted wrongly.
func splits(t testing.TB) []split {
	list := []split{
		{"a lock for a negative version (CVE-2024-34478)", anyone, relativeLock(-1, 1000), "bad-txns-nonfinal"},
		{"a lock for the most negative version (CVE-2024-34478)", anyone, relativeLock(-1<<31, 1000), "bad-txns-nonfinal"},
		{"a lock that has passed for a negative version (CVE-2024-34478)", anyone, relativeLock(-1, 1), ""},
		{"no lock for version 1", anyone, relativeLock(1, 1000), ""},
		{"a script that looks at a lock, of a negative version (CVE-2024-34478)", sequenceScript(t), relativeLock(-1, 1), ""},
		{"a script that looks at a lock, of version 1", sequenceScript(t), relativeLock(1, 1), scriptFailure("Locktime requirement not satisfied")},
		{"an empty key in a script", emptyKeyScript, noWitness, ""},
	}
	list = append(list, findAndDeleteSplits(t)...)
	list = append(list, nestedSplits(t)...)
	return append(list, tapscriptSplits(t)...)
}

func scriptFailure(reason string) string {
	return "block-script-verify-flag-failed (" + reason + ")"
}

// anyone is a script that anyone may spend.
var anyone = []byte{txscript.OP_TRUE}

// emptyKeyScript is true where a signature that is none does not fit a key that is none.
var emptyKeyScript = []byte{txscript.OP_0, txscript.OP_0, txscript.OP_CHECKSIG, txscript.OP_NOT}

func noWitness(testing.TB, *wire.MsgTx) {}

func relativeLock(version int32, blocks uint32) func(testing.TB, *wire.MsgTx) {
	return func(_ testing.TB, tx *wire.MsgTx) {
		tx.Version, tx.TxIn[0].Sequence = version, blocks
	}
}

// sequenceScript wants a relative lock of a block.
func sequenceScript(t testing.TB) []byte {
	return script(t, txscript.NewScriptBuilder().AddInt64(1).AddOp(txscript.OP_CHECKSEQUENCEVERIFY))
}

func script(t testing.TB, b *txscript.ScriptBuilder) []byte {
	t.Helper()
	made, err := b.Script()
	require.NoError(t, err)
	return made
}

// withTx returns the block with a transaction more, and what commits to it.
func withTx(t testing.TB, block *wire.MsgBlock, tx *wire.MsgTx) *wire.MsgBlock {
	block = block.Copy()
	block.Transactions = append(block.Transactions, tx)
	coinbase, nonce := block.Transactions[0], [32]byte{}
	coinbase.TxIn[0].Witness = wire.TxWitness{nonce[:]}
	var txs []*btcutil.Tx
	for _, tx := range block.Transactions {
		txs = append(txs, btcutil.NewTx(tx))
	}
	root := blockchain.CalcMerkleRoot(txs, true)
	commitment := chainhash.DoubleHashB(append(root[:], nonce[:]...))
	output := append([]byte{txscript.OP_RETURN, 36, 0xaa, 0x21, 0xa9, 0xed}, commitment...)
	require.Len(t, coinbase.TxOut, 2)
	coinbase.TxOut[1].PkScript = output
	return solved(block)
}

// Blocks that other implementations have taken for something else than the reference:
// they come from a hostile peer, to a node that has to go with the reference.
func TestBlocksThatSplitImplementations(t *testing.T) {
	s := besiege(t, "-debug=validation")
	list := splits(t)
	fund := s.spend(1, 0)
	fund.TxOut = nil
	for _, c := range list {
		fund.AddTxOut(wire.NewTxOut(splitValue, c.script))
	}
	s.connect(withTx(t, s.template(), fund))
	for i, c := range list {
		t.Run(c.name, func(t *testing.T) {
			hash := fund.TxHash()
			tx := wire.NewMsgTx(2)
			tx.AddTxIn(wire.NewTxIn(wire.NewOutPoint(&hash, uint32(i)), nil, nil))
			tx.AddTxOut(wire.NewTxOut(splitValue, anyone))
			c.spend(t, tx)
			block := withTx(t, s.template(), tx)
			if c.refused == "" {
				s.connect(block)
				return
			}
			s.refuses(t, block, c.refused)
		})
	}
	t.Run("bytes behind a block", func(t *testing.T) { bytesBehindABlock(t, s) })
	s.unharmed(t)
	s.stop()
}

// bytesBehindABlock are no part of it: messages may have more in later versions.
func bytesBehindABlock(t *testing.T, s *besieged) {
	block := s.template()
	var raw bytes.Buffer
	require.NoError(t, block.Serialize(&raw))
	raw.WriteString("more")
	p := s.attacker()
	p.announce(block)
	require.True(t, p.sync())
	p.say(rawBlock(raw.Bytes()))
	s.eventuallyTip(block.BlockHash().String())
	require.True(t, p.sync(), "it may stay")
	kept := s.block(block.BlockHash().String())
	require.Equal(t, raw.Len()-len("more"), kept.SerializeSize())
	require.Len(t, s.must("getblock", block.BlockHash().String(), 0), 2*kept.SerializeSize())
	p.leave()
}

// connect has a stranger bring a block that becomes the tip.
func (s *besieged) connect(block *wire.MsgBlock) {
	s.t.Helper()
	p := s.attacker()
	p.has(block)
	p.announce(block)
	s.eventuallyTip(block.BlockHash().String())
	require.True(s.t, p.sync(), "it may stay")
	p.leave()
}

// refuses has a stranger bring a block that is refused for a reason, and who brings it
// with it.
func (s *besieged) refuses(t *testing.T, block *wire.MsgBlock, reason string) {
	t.Helper()
	tip, before := s.tip(), len(s.log())
	p := s.attacker()
	p.has(block)
	p.announce(block)
	p.await(p.gone, "the end of who sends it")
	require.Equal(t, tip, s.tip())
	require.NoError(t, refusal(s.log()[before:], block.BlockHash().String(), reason))
}
