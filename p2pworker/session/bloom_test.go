package session

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2/bloom"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/internal/multipart"
)

func bloomConfig() Config {
	cfg := inboundConfig()
	cfg.Services |= wire.SFNodeBloom
	return cfg
}

func filterLoad(data []byte, hashes uint32) []byte {
	b := append(appendSize(nil, len(data)), data...)
	b = binary.LittleEndian.AppendUint32(b, hashes)
	return append(binary.LittleEndian.AppendUint32(b, 0), byte(wire.BloomUpdateAll))
}

// filterFor is a filterload message for one element.
func filterFor(element []byte) []byte {
	f := bloom.NewFilter(10, 0, 0.000001, wire.BloomUpdateAll)
	f.Add(element)
	msg := f.MsgFilterLoad()
	return filterLoad(msg.Filter, msg.HashFuncs)
}

func paying(script []byte) (*wire.MsgTx, []byte) {
	tx := &wire.MsgTx{Version: 2, TxIn: []*wire.TxIn{{Witness: wire.TxWitness{{1}}}}, TxOut: []*wire.TxOut{{Value: 1, PkScript: script}}}
	var raw bytes.Buffer
	if err := tx.Serialize(&raw); err != nil {
		panic(err)
	}
	return tx, raw.Bytes()
}

// push is a script that pushes an element, which filters look at.
func push(element string) []byte { return append([]byte{byte(len(element))}, element...) }

func TestOnlyWhatMatchesIsAnnounced(t *testing.T) {
	b := newBench(t, bloomConfig())
	b.receive("version", versionMessage(70016, fullServices, 5, false))
	b.receive("wtxidrelay", nil)
	b.receive("verack", nil)
	require.False(t, b.s.Report(b.now).RelaysTxs)
	b.receive("filterload", filterFor([]byte("ours")))
	require.True(t, b.s.Report(b.now).RelaysTxs)
	b.tickAfter(0)
	b.types()
	_, ours := paying(push("ours"))
	_, theirs := paying(push("theirs"))
	b.step(p2p.TxsAnnouncedEvent{Txs: []p2p.TxAnnouncement{{Wtxid: chainhash.Hash{1}, Peer: p2p.NoPeer}, {Wtxid: chainhash.Hash{2}, Peer: p2p.NoPeer}, {Wtxid: chainhash.Hash{3}, Peer: p2p.NoPeer}}})
	b.tickAfter(2 * time.Minute)
	for i, raw := range [][]byte{theirs, ours} {
		req := answer[p2p.FetchTxRequest](b, p2p.FetchReply{Found: true, Frames: multipart.One(raw)})
		require.Equal(t, chainhash.Hash{byte(i + 1)}, req.Hash)
		require.NotContains(t, b.types(), "inv")
	}
	answer[p2p.FetchTxRequest](b, p2p.FetchReply{}) // it is gone
	require.Equal(t, encodeInventory([]wire.InvVect{{Type: invWtx, Hash: chainhash.Hash{2}}}), last(b.sent).Payload)

	b.receive("filterclear", nil)
	b.step(p2p.TxsAnnouncedEvent{Txs: []p2p.TxAnnouncement{{Wtxid: chainhash.Hash{4}, Peer: p2p.NoPeer}}})
	b.tickAfter(2 * time.Minute)
	require.False(t, b.asked(p2p.FetchTxRequest{}))
	require.Contains(t, b.types(), "inv")
}

func TestFilteredBlocks(t *testing.T) {
	b := established(t, bloomConfig())
	ours, _ := paying(push("ours"))
	theirs, _ := paying(push("theirs"))
	block := wire.NewMsgBlock(wire.NewBlockHeader(1, &chainhash.Hash{}, &chainhash.Hash{}, 0, 0))
	block.Transactions = []*wire.MsgTx{theirs, ours, theirs}
	var raw bytes.Buffer
	require.NoError(t, block.Serialize(&raw))
	get := encodeInventory([]wire.InvVect{{Type: wire.InvTypeFilteredBlock, Hash: block.BlockHash()}})

	b.receive("getdata", get)
	answer[p2p.FetchBlockRequest](b, p2p.FetchReply{Found: true, Frames: multipart.One(raw.Bytes())})
	require.NotContains(t, b.types(), "merkleblock", "there is no filter")

	b.receive("filterload", filterFor([]byte("nothing")))
	b.receive("filteradd", append([]byte{4}, "ours"...))
	b.receive("getdata", get)
	answer[p2p.FetchBlockRequest](b, p2p.FetchReply{Found: true, Frames: multipart.One(raw.Bytes())})
	var stripped bytes.Buffer
	require.NoError(t, ours.SerializeNoWitness(&stripped))
	require.Len(t, b.sent, 2)
	require.Equal(t, "merkleblock", b.sent[0].Type)
	require.Equal(t, Send{Type: "tx", Payload: stripped.Bytes()}, b.sent[1])
	var merkle wire.MsgMerkleBlock
	require.NoError(t, merkle.BtcDecode(bytes.NewReader(b.sent[0].Payload), wire.ProtocolVersion, wire.BaseEncoding))
	require.EqualValues(t, 3, merkle.Transactions)
}

func TestBoundsOfBloomFilters(t *testing.T) {
	for name, tt := range map[string]struct {
		message string
		payload []byte
		bad     bool
	}{
		"empty":            {"filterload", filterLoad(nil, 5), false},
		"largest":          {"filterload", filterLoad(make([]byte, 36_000), 50), false},
		"too large":        {"filterload", filterLoad(make([]byte, 36_001), 1), true},
		"too many hashes":  {"filterload", filterLoad([]byte{1}, 51), true},
		"longest element":  {"filteradd", append(appendSize(nil, 520), make([]byte, 520)...), false},
		"too long element": {"filteradd", append(appendSize(nil, 521), make([]byte, 521)...), true},
	} {
		t.Run(name, func(t *testing.T) {
			b := established(t, bloomConfig())
			b.receive("filterload", filterLoad(nil, 1))
			b.receive(tt.message, tt.payload)
			require.Equal(t, tt.bad, b.gone != nil)
		})
	}
	b := established(t, bloomConfig())
	b.receive("filteradd", []byte{1, 1})
	b.logged("bad filteradd message")

	b = established(t, inboundConfig())
	b.receive("filterclear", nil)
	b.logged("filterclear received despite not offering bloom services")

	cfg := inboundConfig()
	cfg.Permissions |= p2p.BloomFilter
	b = established(t, cfg)
	b.receive("filterload", filterLoad(nil, 1))
	require.Nil(t, b.gone)
	require.NotZero(t, b.s.services()&wire.SFNodeBloom)
}
