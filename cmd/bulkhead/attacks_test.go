package main_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"net"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// besieged is a node with an honest peer, whom hostile ones attack.
type besieged struct {
	*node
	honest *blockPeer
	coins  []wire.OutPoint // that anyone may spend
	now    int64           // of the node's clock
}

func besiege(t *testing.T, args ...string) *besieged {
	n := startNode(t, "regtest", append([]string{"-noconnect", "-disablewallet", "-acceptnonstdtxn", "-maxconnections=400"}, args...)...)
	s := &besieged{node: n, now: time.Now().Unix()}
	s.advance(0)
	for _, hash := range n.must("generatetodescriptor", 120, "raw(51)").([]any)[:20] {
		block := n.object("getblock", hash)
		txid, err := chainhash.NewHashFromStr(block["tx"].([]any)[0].(string))
		require.NoError(t, err)
		s.coins = append(s.coins, wire.OutPoint{Hash: *txid})
	}
	s.honest = dialBlockPeer(n, map[chainhash.Hash]*wire.MsgBlock{})
	require.True(t, s.honest.sync())
	return s
}

// advance lets time go by.
func (s *besieged) advance(seconds int64) {
	s.now += seconds
	s.must("setmocktime", s.now)
}

// unharmed requires that the honest peer is served and the chain grows.
func (s *besieged) unharmed(t *testing.T) {
	t.Helper()
	require.True(t, s.honest.sync())
	height := s.height()
	s.mine(1)
	require.Equal(t, height+1, s.height())
	require.True(t, s.honest.sync())
}

// attacker is another peer, which leaves at the end.
func (s *besieged) attacker() *blockPeer {
	return dialBlockPeer(s.node, map[chainhash.Hash]*wire.MsgBlock{})
}

// spend makes a transaction from the next coin, with so many equal outputs that
// anyone may spend.
func (s *besieged) spend(outputs int, fee int64) *wire.MsgTx {
	const value = 50e8
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&s.coins[0], nil, nil))
	s.coins = s.coins[1:]
	for range outputs {
		tx.AddTxOut(wire.NewTxOut((value-fee)/int64(outputs), append([]byte{0x51}, make([]byte, 30)...)))
	}
	return tx
}

// junk is an inventory of so many hashes that are of nothing.
func junk(kind wire.InvType, n int) *wire.MsgInv {
	inv := wire.NewMsgInvSizeHint(uint(n))
	for i := range n {
		hash := chainhash.HashH(fmt.Append(nil, "junk", i))
		inv.InvList = append(inv.InvList, wire.NewInvVect(kind, &hash))
	}
	return inv
}

// template makes a block of the tip that nobody has yet, with transactions.
func (s *besieged) template(txs ...*wire.MsgTx) *wire.MsgBlock {
	raws := []string{}
	for _, tx := range txs {
		raws = append(raws, hexOf(s.t, tx))
	}
	made := s.object("generateblock", "raw(51)", raws, false)
	return blockOfHex(s.t, made["hex"].(string))
}

// block is one that the node has.
func (s *besieged) block(hash string) *wire.MsgBlock {
	return blockOfHex(s.t, s.must("getblock", hash, 0).(string))
}

func blockOfHex(t testing.TB, text string) *wire.MsgBlock {
	raw, err := hex.DecodeString(text)
	require.NoError(t, err)
	var block wire.MsgBlock
	require.NoError(t, block.Deserialize(bytes.NewReader(raw)))
	return &block
}

func hexOf(t testing.TB, tx *wire.MsgTx) string {
	var raw bytes.Buffer
	require.NoError(t, tx.Serialize(&raw))
	return hex.EncodeToString(raw.Bytes())
}

// compactOf is a cmpctblock message of a block, with its coinbase and short ids that
// nothing has.
func compactOf(t testing.TB, block *wire.MsgBlock) rawMessage {
	var b bytes.Buffer
	require.NoError(t, block.Header.Serialize(&b))
	b.Write(make([]byte, 8))
	b.WriteByte(byte(len(block.Transactions) - 1))
	for i := range block.Transactions[1:] {
		b.Write([]byte{byte(i), 1, 2, 3, 4, 5})
	}
	b.Write([]byte{1, 0})
	require.NoError(t, block.Transactions[0].Serialize(&b))
	return rawMessage{"cmpctblock", b.Bytes()}
}

// blockTxnOf is a blocktxn message.
func blockTxnOf(t testing.TB, block *wire.MsgBlock, txs ...*wire.MsgTx) rawMessage {
	hash := block.BlockHash()
	b := bytes.NewBuffer(hash[:])
	b.WriteByte(byte(len(txs)))
	for _, tx := range txs {
		require.NoError(t, tx.Serialize(b))
	}
	return rawMessage{"blocktxn", b.Bytes()}
}

// Attacks that were disclosed of other implementations, by a hostile peer against
// real processes: the honest peer is served as before, and the chain grows.
func TestDisclosedAttacks(t *testing.T) {
	s := besiege(t)
	for _, attack := range []struct {
		name string
		run  func(*testing.T, *besieged)
	}{
		{"messages that never end (CVE-2015-3641)", messagesThatNeverEnd},
		{"inventories of what nobody has (CVE-2024-52920)", junkInventories},
		{"blocks announced to a peer that does not read (CVE-2024-52915)", unreadAnswers},
		{"clocks at the ends of time (CVE-2024-52912)", extremeClocks},
		{"a transaction withheld (CVE-2024-52913)", withheldTransaction},
		{"a flood of addresses (CVE-2024-52919)", floodOfAddresses},
		{"missing transactions brought twice (CVE-2024-35202)", blockTxnTwice},
		{"a mutated block of a download (CVE-2024-52921)", mutatedBlock},
		{"orphans of many inputs (CVE-2024-52914)", expensiveOrphans},
	} {
		t.Run(attack.name, func(t *testing.T) {
			attack.run(t, s)
			s.unharmed(t)
		})
	}
	s.stop()
}

func messagesThatNeverEnd(t *testing.T, s *besieged) {
	const peers = 20
	var attackers []*blockPeer
	for range peers {
		attackers = append(attackers, s.attacker())
	}
	before := s.resident("worker")
	for _, p := range attackers {
		head := append([]byte{0xfa, 0xbf, 0xb5, 0xda}, "block\x00\x00\x00\x00\x00\x00\x00\x00\x09\x3d\x00sum!begins"...) // 4 MB
		_, err := p.conn.Write(head)
		require.NoError(t, err)
	}
	s.eventually("what they sent", func() error {
		for _, peer := range s.must("getpeerinfo").([]any)[1:] {
			if peer.(map[string]any)["bytesrecv"].(float64) < 24+100 {
				return fmt.Errorf("%v is not read yet", peer)
			}
		}
		return nil
	})
	grown := 0.0
	for pid, bytes := range s.resident("worker") {
		if was, there := before[pid]; there { // and not one that began to wait meanwhile
			grown += bytes - was
		}
	}
	require.Less(t, grown, float64(peers*2<<20), "nothing is allocated for what has not come")
	for range 14 { // what they say to a ping is but a part of the message
		s.advance(120)
		require.True(t, s.honest.sync())
		for _, p := range attackers {
			_, _ = p.conn.Write([]byte{0})
		}
	}
	for _, p := range attackers {
		p.await(p.gone, "the end of who never ends a message")
		p.leave()
	}
}

func junkInventories(t *testing.T, s *besieged) {
	for _, kind := range []wire.InvType{wire.InvTypeTx, wire.InvTypeWitnessBlock, 99} {
		p := s.attacker()
		get := wire.NewMsgGetData()
		get.InvList = junk(kind, wire.MaxInvPerMsg).InvList
		p.say(get)
		p.say(junk(kind, wire.MaxInvPerMsg))
		require.True(t, p.sync(), "it may stay")
		p.leave()
	}
}

func unreadAnswers(t *testing.T, s *besieged) {
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.p2pPort))
	require.NoError(t, err)
	defer conn.Close()
	p := &blockPeer{t: t, conn: conn}
	nobody := wire.NewNetAddressIPPort(net.IPv4zero, 0, 0)
	p.say(wire.NewMsgVersion(nobody, nobody, 7, 0))
	p.say(wire.NewMsgVerAck())
	before := s.memory()
	ended := make(chan struct{})
	go func() { // until the node reads no more of it
		defer close(ended)
		require.NoError(t, conn.SetWriteDeadline(time.Now().Add(3*time.Second)))
		for range 40 {
			if _, err := wire.WriteMessageWithEncodingN(conn, junk(wire.InvTypeBlock, wire.MaxInvPerMsg), wire.ProtocolVersion, wire.TestNet, wire.WitnessEncoding); err != nil {
				return
			}
			if _, err := wire.WriteMessageWithEncodingN(conn, wire.NewMsgPing(1), wire.ProtocolVersion, wire.TestNet, wire.WitnessEncoding); err != nil {
				return
			}
		}
	}()
	s.unharmed(t)
	<-ended
	for role, bytes := range s.memory() {
		require.Less(t, bytes, before[role]+(128<<20), role)
	}
}

func extremeClocks(t *testing.T, s *besieged) {
	var attackers []*blockPeer
	for i := range 10 {
		at := time.Unix(math.MinInt64, 0)
		if i%2 == 0 {
			at = time.Unix(math.MaxInt64, 0)
		}
		attackers = append(attackers, dialBlockPeerAt(s.node, map[chainhash.Hash]*wire.MsgBlock{}, at))
	}
	s.unharmed(t)
	require.Zero(t, s.object("getnetworkinfo")["timeoffset"])
	for _, p := range attackers {
		p.leave()
	}
}

func withheldTransaction(t *testing.T, s *besieged) {
	tx := s.spend(1, 10_000)
	hash := tx.TxHash()
	inv := wire.NewMsgInv()
	require.NoError(t, inv.AddInvVect(wire.NewInvVect(wire.InvTypeTx, &hash)))
	p := s.attacker()
	p.say(inv)
	require.True(t, p.sync())
	s.advance(5) // it is asked now
	require.True(t, p.sync())
	s.honest.offer(tx)
	require.True(t, s.honest.sync())
	p.say(junk(wire.InvTypeTx, wire.MaxInvPerMsg))
	p.say(inv)
	require.True(t, p.sync())
	s.advance(62)
	s.eventually("the transaction", func() error {
		_, err := s.call("getmempoolentry", hash.String())
		return err
	})
	p.leave()
}

func floodOfAddresses(t *testing.T, s *besieged) {
	p := s.attacker()
	for i := range 100 {
		msg := wire.NewMsgAddr()
		for j := range wire.MaxAddrPerMsg {
			ip := net.IPv4(byte(20+i), byte(j>>8), byte(j), 1)
			require.NoError(t, msg.AddAddress(wire.NewNetAddressTimestamp(time.Unix(s.now, 0), wire.SFNodeNetwork, ip, 8333)))
		}
		p.say(msg)
	}
	require.True(t, p.sync())
	s.eventually("the report", func() error {
		for _, peer := range s.must("getpeerinfo").([]any) {
			if info := peer.(map[string]any); info["addr_rate_limited"].(float64) > 90_000 && info["addr_processed"].(float64) < 2000 {
				return nil
			}
		}
		return fmt.Errorf("no peer is limited")
	})
	p.leave()
}

func blockTxnTwice(t *testing.T, s *besieged) {
	tx := s.spend(1, 10_000)
	block := s.template(tx)
	p := s.attacker()
	p.say(rawMessage{"sendcmpct", []byte{1, 2, 0, 0, 0, 0, 0, 0, 0}})
	headers := wire.NewMsgHeaders()
	require.NoError(t, headers.AddBlockHeader(&block.Header))
	p.say(headers) // it is asked for the block, as a compact one
	require.True(t, p.sync())
	p.say(compactOf(t, block))
	require.True(t, p.sync())
	for range 3 {
		p.say(blockTxnOf(t, block, block.Transactions[0]))
	}
	p.await(p.gone, "the end of who brings the wrong transactions again")
	s.honest.has(block)
	s.honest.announce(block)
	s.eventuallyTip(block.BlockHash().String())
}

// beginsCompact has the honest peer bring a block as a compact one, of which the node
// lacks two transactions and asks for them.
func (s *besieged) beginsCompact(t testing.TB) *wire.MsgBlock {
	t.Helper()
	block := s.template(s.spend(1, 10_000), s.spend(1, 20_000))
	s.honest.say(rawMessage{"sendcmpct", []byte{1, 2, 0, 0, 0, 0, 0, 0, 0}})
	s.honest.announce(block)
	require.True(t, s.honest.sync())
	s.honest.say(compactOf(t, block)) // two are missing
	require.True(t, s.honest.sync())
	for _, has := range []*wire.MsgBlock{s.block(s.tip()), block} { // if it is asked again
		s.honest.has(has)
	}
	return block
}

func mutatedBlock(t *testing.T, s *besieged) {
	block := s.beginsCompact(t)
	p := s.attacker()
	mutated := *block
	mutated.Transactions = block.Transactions[:2]
	p.say(&mutated)
	p.await(p.gone, "the end of who sends a mutated block")
	s.honest.say(blockTxnOf(t, block, block.Transactions[1:]...))
	s.eventuallyTip(block.BlockHash().String())
}

func expensiveOrphans(t *testing.T, s *besieged) {
	const outputs, orphans = 2000, 100
	parent := s.spend(outputs, 1_000_000)
	hash := parent.TxHash()
	p := s.attacker()
	for i := range orphans {
		tx := wire.NewMsgTx(2)
		for j := range outputs / 4 {
			tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: hash, Index: uint32((i + j) % outputs)}, bytes.Repeat([]byte{0x51}, 100), nil))
		}
		tx.AddTxOut(wire.NewTxOut(int64(i), []byte{0x51}))
		p.say(tx)
	}
	require.True(t, p.sync())
	s.advance(10) // who brought them is asked for the parent, and keeps it
	require.True(t, p.sync())
	s.honest.offer(parent)
	require.True(t, s.honest.sync())
	s.advance(62)
	s.eventually("the parent", func() error {
		_, err := s.call("getmempoolentry", hash.String())
		return err
	})
	require.LessOrEqual(t, len(s.must("getorphantxs").([]any)), orphans)
	require.True(t, p.sync())
	p.leave()
}
