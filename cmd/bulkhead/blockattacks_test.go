package main_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/aead/siphash"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// Faults of the reference that had no number, and those of blocks that are under way,
// by a hostile peer against real processes.
func TestAttacksOnWhatIsUnderWay(t *testing.T) {
	s := besiege(t, "-debug=cmpctblock", "-debug=txpackages", "-p2pworkers=2")
	for _, attack := range []struct {
		name string
		run  func(*testing.T, *besieged)
	}{
		{"a peer that vanishes while its block is fetched (core#35498)", vanishingPeers},
		{"a mutated block beside a compact one (CVE-2024-52921)", mutatedBesideCompact},
		{"a compact block of more than a block (CVE-2025-46597)", oversizedCompact},
		{"a package whose parent fails late (core#35017)", lateParent},
		{"tapscripts that hash all the time (CVE-2025-46598)", hashingTransactions},
	} {
		t.Run(attack.name, func(t *testing.T) {
			attack.run(t, s)
			s.unharmed(t)
		})
	}
	s.stop()
}

// vanishingPeers are gone before they are asked for their block, when they are, and
// amid the block. Who comes next is asked, and the node's process lives on.
func vanishingPeers(t *testing.T, s *besieged) {
	pids := s.pids("node")
	for i, vanish := range []func(*blockPeer, *wire.MsgBlock){
		func(*blockPeer, *wire.MsgBlock) {},
		s.untilAsked,
		func(p *blockPeer, block *wire.MsgBlock) {
			s.untilAsked(p, block)
			var raw bytes.Buffer
			_, err := wire.WriteMessageWithEncodingN(&raw, block, wire.ProtocolVersion, wire.TestNet, wire.WitnessEncoding)
			require.NoError(t, err)
			_, err = p.conn.Write(raw.Next(raw.Len() / 2))
			require.NoError(t, err)
		},
		func(p *blockPeer, block *wire.MsgBlock) { // which the node may have, or not
			s.untilAsked(p, block)
			p.say(block)
		},
	} {
		block := s.template(s.spend(1, 10_000))
		for range 5 {
			p := s.attacker()
			p.announce(block)
			vanish(p, block)
			p.leave()
		}
		s.honest.has(block)
		s.honest.announce(block)
		s.eventually("the block of the honest peer", func() error {
			s.advance(1) // who waits for another asks again
			if tip := s.tip(); tip != block.BlockHash().String() {
				return fmt.Errorf("vanished %d: the tip is %s", i, tip)
			}
			return nil
		})
		require.True(t, s.honest.sync())
	}
	require.Equal(t, pids, s.pids("node"))
}

// invCompact is how a block is wanted as a compact one.
const invCompact = wire.InvType(4)

func (s *besieged) untilAsked(p *blockPeer, block *wire.MsgBlock) {
	s.t.Helper()
	s.eventually("to be asked for the block", func() error {
		select {
		case <-p.gone:
			return nil // one of those before has brought it, and who comes late is not asked
		default:
		}
		if p.timesAsked(wire.InvTypeWitnessBlock, block.BlockHash())+p.timesAsked(invCompact, block.BlockHash()) == 0 && s.tip() != block.BlockHash().String() {
			return fmt.Errorf("the node does not ask")
		}
		return nil
	})
}

// mutatedBesideCompact: the honest peer is asked for two transactions of its compact
// block, and others bring mutated blocks of the same header. It still owes the right one:
// nobody else is asked for that, nor is it asked for more.
func mutatedBesideCompact(t *testing.T, s *besieged) {
	block := s.beginsCompact(t)
	for _, kept := range [][]*wire.MsgTx{block.Transactions[:2], block.Transactions[:1], nil} {
		p := s.attacker()
		p.say(&wire.MsgBlock{Header: block.Header, Transactions: kept})
		p.await(p.gone, "the end of who sends a mutated block")
	}
	other := s.attacker()
	other.announce(block)
	for range 3 {
		s.advance(1)
		require.True(t, other.sync())
	}
	require.Zero(t, other.timesAsked(wire.InvTypeWitnessBlock, block.BlockHash())+other.timesAsked(invCompact, block.BlockHash()))
	other.leave()
	s.honest.say(blockTxnOf(t, block, block.Transactions[1:]...))
	s.eventuallyTip(block.BlockHash().String())
	require.Zero(t, s.honest.timesAsked(wire.InvTypeWitnessBlock, block.BlockHash()), "the compact one was enough")
}

// outputs are so many that a block has confirmed, of the same value and script.
func (s *besieged) outputs(count int, script []byte) (at []wire.OutPoint, value int64) {
	fund := s.spend(count, 0)
	value = fund.TxOut[0].Value
	for _, out := range fund.TxOut {
		out.PkScript = script
	}
	hash := fund.TxHash()
	s.connect(s.template(fund))
	for i := range count {
		at = append(at, *wire.NewOutPoint(&hash, uint32(i)))
	}
	return at, value
}

// oversizedCompact names more transactions that the node knows than a block may have.
// The header commits to all of them.
func oversizedCompact(t *testing.T, s *besieged) {
	p := s.attacker()
	block := s.oversized(p)
	before := s.memory()["node"]
	hash := block.BlockHash()
	p.say(rawMessage{"sendcmpct", []byte{1, 2, 0, 0, 0, 0, 0, 0, 0}})
	p.announce(block)
	s.untilAsked(p, block)
	require.Zero(t, p.timesAsked(wire.InvTypeWitnessBlock, hash), "it is wanted as a compact one")
	p.say(knownCompact(t, block))
	require.True(t, p.sync())
	s.eventually("to be asked for the whole block", func() error {
		if p.timesAsked(wire.InvTypeWitnessBlock, hash) == 0 {
			return fmt.Errorf("the node does not ask")
		}
		return nil
	})
	require.NotContains(t, s.log(), "Successfully reconstructed block "+hash.String())
	require.Less(t, s.memory()["node"], before+(24<<20))
	p.leave()
	s.empty(t)
}

// oversized has a peer fill the mempool, and returns a block of all that.
func (s *besieged) oversized(p *blockPeer) *wire.MsgBlock {
	const count, size = 300, 95_000 // 28 MB
	coins, value := s.outputs(count, anyone)
	block := s.template()
	for _, coin := range coins {
		tx := wire.NewMsgTx(2)
		tx.AddTxIn(wire.NewTxIn(&coin, nil, nil))
		tx.AddTxOut(wire.NewTxOut(value-1_000_000, append([]byte{txscript.OP_TRUE}, make([]byte, size)...)))
		p.say(tx)
		block.Transactions = append(block.Transactions, tx)
	}
	require.True(s.t, p.sync())
	s.eventually("the transactions", func() error {
		if n := s.object("getmempoolinfo")["size"].(float64); n < count {
			return fmt.Errorf("%v of them", n)
		}
		return nil
	})
	block.Transactions[0].TxOut = block.Transactions[0].TxOut[:1]
	block.Transactions[0].TxIn[0].Witness = nil
	return solved(block)
}

// empty takes the transactions of the mempool into blocks.
func (s *besieged) empty(t *testing.T) {
	for s.object("getmempoolinfo")["size"].(float64) > 0 {
		height := s.height()
		s.mine(1)
		require.Equal(t, height+1, s.height())
		require.True(t, s.honest.sync())
	}
}

// knownCompact is a cmpctblock message of a block with its coinbase and the short ids
// of the others, which have no witness.
func knownCompact(t testing.TB, block *wire.MsgBlock) rawMessage {
	var b bytes.Buffer
	require.NoError(t, block.Header.Serialize(&b))
	b.Write(make([]byte, 8))
	key := shortIDKey(b.Bytes())
	require.NoError(t, wire.WriteVarInt(&b, 0, uint64(len(block.Transactions)-1)))
	for _, tx := range block.Transactions[1:] {
		hash := tx.TxHash()
		b.Write(binary.LittleEndian.AppendUint64(nil, siphash.Sum64(hash[:], &key))[:6])
	}
	b.Write([]byte{1, 0})
	require.NoError(t, block.Transactions[0].Serialize(&b))
	return rawMessage{"cmpctblock", b.Bytes()}
}

func shortIDKey(head []byte) (key [siphash.KeySize]byte) {
	digest := sha256.Sum256(head)
	copy(key[:], digest[:])
	return key
}

// hashing is a tapscript that hashes the largest element with nearly every instruction,
// nearly as long as a transaction may be.
func hashing(t testing.TB) split {
	const rounds = 120_000
	script := bytes.Repeat([]byte{txscript.OP_DUP, txscript.OP_HASH256, txscript.OP_DROP}, rounds)
	return leafSplit(t, "hashing", script, "", bytes.Repeat([]byte{1}, 520))
}

// nobody is a script that nobody may spend, long enough for a transaction to be relayed.
var nobody = append([]byte{txscript.OP_RETURN}, make([]byte, 30)...)

// lateParent pays too little alone, and takes long. While it is looked at with its
// child, a block spends what it spends: neither may be left.
func lateParent(t *testing.T, s *besieged) {
	slow := hashing(t)
	costly, value := s.outputs(3, slow.script)
	coins, _ := s.outputs(3, anyone)
	for i := range costly {
		parent, child := wire.NewMsgTx(2), wire.NewMsgTx(2)
		parent.AddTxIn(wire.NewTxIn(&costly[i], nil, nil))
		slow.spend(t, parent)
		parent.AddTxIn(wire.NewTxIn(&coins[i], nil, nil))
		parent.AddTxOut(wire.NewTxOut(2*value, anyone))
		hash := parent.TxHash()
		child.AddTxIn(wire.NewTxIn(wire.NewOutPoint(&hash, 0), nil, nil))
		child.AddTxOut(wire.NewTxOut(2*value-10_000_000, nobody))
		conflict := wire.NewMsgTx(2)
		conflict.AddTxIn(wire.NewTxIn(&coins[i], nil, nil))
		conflict.AddTxOut(wire.NewTxOut(value, nobody))
		block := s.template(conflict)
		p := s.attacker()
		p.say(child)
		require.True(t, p.sync())
		p.say(parent)
		s.awaitLog(hash.String(), "looking for child in orphanage")
		s.honest.say(block)
		s.eventuallyTip(block.BlockHash().String())
		require.True(t, p.sync())
		s.awaitLog("package evaluation for parent " + hash.String())
		require.Empty(t, s.must("getrawmempool"))
		p.leave()
	}
}

// hashingTransactions are valid, and take long all the same: blocks and the honest peer
// come first.
func hashingTransactions(t *testing.T, s *besieged) {
	slow := hashing(t)
	const count = 5
	coins, value := s.outputs(count, slow.script)
	p := s.attacker()
	for _, coin := range coins {
		tx := wire.NewMsgTx(2)
		tx.AddTxIn(wire.NewTxIn(&coin, nil, nil))
		slow.spend(t, tx)
		tx.AddTxOut(wire.NewTxOut(value-10_000_000, nobody))
		p.say(tx)
	}
	require.True(t, s.honest.sync())
	height := s.height()
	s.mine(1)
	require.Equal(t, height+1, s.height())
	require.True(t, p.sync())
	s.empty(t)
	for _, coin := range coins {
		require.Nil(t, s.must("gettxout", coin.Hash.String(), coin.Index), "they were right")
	}
	p.leave()
}
