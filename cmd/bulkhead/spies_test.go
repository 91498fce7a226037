package main_test

import (
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// spy connects, and never announces or asks anything. It reads what it is told, or does
// not.
func (s *besieged) spy(reads bool) net.Conn {
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.p2pPort))
	require.NoError(s.t, err)
	s.t.Cleanup(func() { conn.Close() })
	p := &blockPeer{t: s.t, conn: conn}
	nobody := wire.NewNetAddressIPPort(net.IPv4zero, 0, 0)
	p.say(wire.NewMsgVersion(nobody, nobody, 7, 0))
	p.say(wire.NewMsgVerAck())
	if reads {
		go func() { _, _ = io.Copy(io.Discard, conn) }()
	}
	return conn
}

// payments are so many transactions of confirmed coins.
func (s *besieged) payments(count int) (txs []*wire.MsgTx) {
	coins, value := s.outputs(count, anyone)
	for _, coin := range coins {
		tx := wire.NewMsgTx(2)
		tx.AddTxIn(wire.NewTxIn(&coin, nil, nil))
		tx.AddTxOut(wire.NewTxOut(value-1000, nobody))
		txs = append(txs, tx)
	}
	return txs
}

// relays has the honest peer bring transactions, and waits until another has heard of
// all. It returns the ticks of CPU time that node and workers needed.
func (s *besieged) relays(listener *blockPeer, txs []*wire.MsgTx) (ticks int) {
	s.t.Helper()
	used := func() (sum int) {
		for _, pid := range append(s.pids("worker"), s.pids("node")...) {
			sum += cpuTicks(s.t, pid)
		}
		return sum
	}
	before := used()
	for _, tx := range txs {
		s.honest.say(tx)
	}
	require.True(s.t, s.honest.sync())
	s.eventually("all transactions", func() error {
		s.advance(5) // they go at a rate
		require.True(s.t, listener.sync())
		for i, tx := range txs {
			if listener.timesAnnounced(tx.TxHash()) == 0 {
				return fmt.Errorf("number %d has not come", i)
			}
		}
		return nil
	})
	return used() - before
}

// Transactions are announced to many who never ask, some of whom do not even read: an
// honest peer hears of each once, and what that costs grows with their number alone
// (the reference sorted what waits for each peer again and again).
func TestSpiesCostNoMoreThanTheyMust(t *testing.T) {
	const spies, some, many = 100, 1000, 6000
	s := besiege(t, "-p2pworkers=2")
	listener := s.attacker()
	for i := range spies {
		s.spy(i%3 > 0)
	}
	s.connected(spies + 2)
	first, rest := s.payments(some), s.payments(many)
	before := s.memory()
	few := s.relays(listener, first)
	all := s.relays(listener, rest)
	require.LessOrEqual(t, all, 2*few*many/some+50)
	for _, tx := range append(first, rest...) {
		require.Equal(t, 1, listener.timesAnnounced(tx.TxHash()))
	}
	for role, bytes := range s.memory() {
		require.Less(t, bytes, 3*before[role]+(64<<20), role)
	}
	s.connected(spies + 2)
	s.unharmed(t)
	s.stop()
}
