package main_test

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// What costs us much and the attacker little: the honest peer is served as before, and
// the chain grows.
func TestAttacksThatCostUsMuch(t *testing.T) {
	s := besiege(t)
	for _, attack := range []struct {
		name string
		run  func(*testing.T, *besieged)
	}{
		{"pretended connections to ourselves (CVE-2025-54604)", pretendedSelves},
		{"invalid blocks (CVE-2025-54605)", invalidBlocks},
		{"transactions that take long and are refused (CVE-2025-46598)", costlyTransactions},
		{"blocks that take long and are refused early or late (CVE-2024-52911)", costlyBlocks},
	} {
		t.Run(attack.name, func(t *testing.T) {
			attack.run(t, s)
			s.unharmed(t)
		})
	}
	s.stop()
}

// unasked is how many lines there are in the log that nobody asked for.
func (s *besieged) unasked() (lines int) {
	for line := range strings.Lines(s.log()) {
		if !strings.Contains(line, "[net] ") {
			lines++
		}
	}
	return lines
}

// pretendedSelves repeats the nonce of a connection of ours to others.
func pretendedSelves(t *testing.T, s *besieged) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	// In v1, as the stub reads that only: the node begins with it where it may not encrypt.
	s.must("addnode", l.Addr().String(), "onetry", false)
	nc, err := l.Accept()
	require.NoError(t, err)
	defer nc.Close()
	_, first, _, err := wire.ReadMessageWithEncodingN(nc, wire.ProtocolVersion, wire.TestNet, wire.WitnessEncoding)
	require.NoError(t, err)
	nonce := first.(*wire.MsgVersion).Nonce
	before := s.unasked()
	const pretenders = 30
	for range pretenders {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.p2pPort))
		require.NoError(t, err)
		nobody := wire.NewNetAddressIPPort(net.IPv4zero, 0, 0)
		version := wire.NewMsgVersion(nobody, nobody, nonce, 0)
		_, err = wire.WriteMessageWithEncodingN(c, version, wire.ProtocolVersion, wire.TestNet, wire.WitnessEncoding)
		require.NoError(t, err)
		_, err = c.Read(make([]byte, 1))
		require.Error(t, err, "it is let go")
		c.Close()
	}
	s.awaitLog("connected to self at")
	require.LessOrEqual(t, s.unasked()-before, pretenders/2, "each is worth no line")
}

// solved finds a nonce for a block of regtest whose transactions have changed.
func solved(block *wire.MsgBlock) *wire.MsgBlock {
	var txs []*btcutil.Tx
	for _, tx := range block.Transactions {
		txs = append(txs, btcutil.NewTx(tx))
	}
	block.Header.MerkleRoot = blockchain.CalcMerkleRoot(txs, false)
	target := blockchain.CompactToBig(chaincfg.RegressionNetParams.PowLimitBits)
	for hash := block.BlockHash(); blockchain.HashToBig(&hash).Cmp(target) > 0; hash = block.BlockHash() {
		block.Header.Nonce++
	}
	return block
}

// greedy is a block whose coinbase takes too much.
func greedy(block *wire.MsgBlock) *wire.MsgBlock {
	block = block.Copy()
	block.Transactions[0].TxOut[0].Value += 100e8
	return solved(block)
}

func invalidBlocks(t *testing.T, s *besieged) {
	before, tip := len(s.log()), s.tip()
	const blocks = 10
	for i := range blocks {
		block := s.template()
		block.Transactions[0].LockTime = uint32(i)
		p := s.attacker()
		p.announce(greedy(block))
		p.say(greedy(block))
		p.await(p.gone, "the end of who sends an invalid block")
	}
	require.Equal(t, tip, s.tip())
	// With the debug lines of net, which are wanted here.
	require.Less(t, len(s.log())-before, blocks*8<<10, "a block is worth some lines")
}

const costlyInputs = 300

// costlyScript verifies a signature, which is wrong, again and again, and is true all
// the same: each time the whole transaction is hashed.
func costlyScript(t testing.TB) []byte {
	sig := append([]byte{0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01}, byte(txscript.SigHashAll))
	key := append([]byte{2}, bytes.Repeat([]byte{0x79}, 32)...)
	b := txscript.NewScriptBuilder()
	for range 15 {
		b.AddData(sig).AddData(key).AddOp(txscript.OP_CHECKSIG).AddOp(txscript.OP_DROP)
	}
	script, err := b.AddOp(txscript.OP_TRUE).Script()
	require.NoError(t, err)
	return script
}

// costly has the chain pay to costlyScript, and returns what spends it all. The last
// input fails if it is to.
func (s *besieged) costly(t testing.TB, fails bool) *wire.MsgTx {
	fund := wire.NewMsgTx(2)
	fund.AddTxIn(wire.NewTxIn(&s.coins[0], nil, nil))
	s.coins = s.coins[1:]
	script := costlyScript(t)
	for i := range costlyInputs {
		if fails && i == costlyInputs-1 {
			script = []byte{txscript.OP_FALSE}
		}
		fund.AddTxOut(wire.NewTxOut(1_000_000, script))
	}
	block, hash := s.template(fund), fund.TxHash()
	s.honest.say(block)
	s.eventuallyTip(block.BlockHash().String())
	spender := wire.NewMsgTx(2)
	for i := range costlyInputs {
		spender.AddTxIn(wire.NewTxIn(wire.NewOutPoint(&hash, uint32(i)), nil, nil))
	}
	spender.AddTxOut(wire.NewTxOut(costlyInputs*1_000_000-10_000_000, []byte{txscript.OP_TRUE}))
	return spender
}

func costlyTransactions(t *testing.T, s *besieged) {
	for _, fails := range []bool{true, false} {
		tx := s.costly(t, fails)
		p := s.attacker()
		p.offer(tx)
		height := s.height()
		s.mine(1)
		require.Equal(t, height+1, s.height(), "blocks come first")
		require.True(t, s.honest.sync())
		require.True(t, p.sync())
		_, err := s.call("getmempoolentry", tx.TxHash().String())
		require.Error(t, err)
		p.leave()
	}
}

// costlyBlocks are refused for their coinbase while scripts run, or for the last script;
// a right one with the same scripts is connected.
func costlyBlocks(t *testing.T, s *besieged) {
	right := s.template(s.costly(t, false))
	refused := func(block *wire.MsgBlock) {
		t.Helper()
		tip := s.tip()
		p := s.attacker()
		p.announce(block)
		p.say(block)
		require.True(t, s.honest.sync())
		p.await(p.gone, "the end of who sends it")
		require.Equal(t, tip, s.tip())
	}
	refused(greedy(right))
	s.honest.announce(right)
	s.honest.say(right)
	s.eventuallyTip(right.BlockHash().String())

	wrong := s.templateUnchecked(s.costly(t, true))
	refused(wrong)
	refused(greedy(wrong))
}

// templateUnchecked is template for transactions that no block may have.
func (s *besieged) templateUnchecked(tx *wire.MsgTx) *wire.MsgBlock {
	block := s.template()
	block.Transactions = append(block.Transactions, tx)
	// No transaction has a witness, so there is nothing to commit to.
	block.Transactions[0].TxOut = block.Transactions[0].TxOut[:1]
	block.Transactions[0].TxIn[0].Witness = nil
	return solved(block)
}
