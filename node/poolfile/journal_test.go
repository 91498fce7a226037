package poolfile

import (
	"bytes"
	"errors"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/consensus"
	"github.com/bulkheadnode/bulkhead/node/mempool/dump"
)

// Follow is a turn of Run.
func (f *Files) Follow() { f.follow() }

// Bulk makes the journal seem to be mostly about what has left.
func (f *Files) Bulk() { f.journal.size += 3 * journalSlack }

func some(i byte) dump.Tx {
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: chainhash.Hash{i}}, nil, nil))
	tx.AddTxOut(wire.NewTxOut(int64(i), []byte{0x51}))
	return dump.Tx{Tx: consensus.NewTx(tx), Time: int64(i), Delta: -int64(i)}
}

func records() []byte {
	var raw []byte
	for i := range byte(4) {
		raw = appendTx(raw, some(i))
	}
	raw = appendRecord(raw, recordUnheard, some(1).ID[:])
	raw = appendRecord(raw, recordUnheard, some(9).ID[:])
	raw = appendRecord(raw, recordDrop, some(2).ID[:])
	raw = appendRecord(raw, recordDrop, some(9).ID[:])
	raw = appendTx(raw, some(0)) // came again, and moved to the end
	raw = appendRecord(raw, recordDelta, append([]byte{8}, make([]byte, 31)...), []byte{80, 0, 0, 0, 0, 0, 0, 0})
	raw = appendRecord(raw, recordDelta, append([]byte{9}, make([]byte, 31)...), make([]byte, 8))
	return appendRecord(raw, recordAll)
}

func times(j journalled) (list []int64) {
	for _, tx := range j.txs {
		list = append(list, tx.Time)
	}
	return list
}

func TestAJournalIsReplayed(t *testing.T) {
	raw := records()
	j, err := readJournal(bytes.NewReader(raw))
	require.NoError(t, err)
	require.Equal(t, []int64{1, 3, 0}, times(j))
	require.Equal(t, int64(-3), j.txs[1].Delta)
	require.Equal(t, some(3).Raw(), j.txs[1].Raw())
	require.Equal(t, []chainhash.Hash{some(1).ID}, j.unheard, "of those that are there")
	require.Equal(t, map[chainhash.Hash]int64{some(1).ID: -1, some(2).ID: -2, some(3).ID: -3, {8}: 80}, j.deltas)
	require.True(t, j.complete)

	// Wherever it ends, or is damaged, what is before counts.
	first := len(appendTx(nil, some(0)))
	for cut := range len(raw) {
		j, err := readJournal(bytes.NewReader(raw[:cut]))
		require.True(t, err == nil || errors.Is(err, errRecord))
		require.False(t, j.complete)
		require.Equal(t, cut >= first, len(j.txs) > 0)
	}
	for _, at := range []int{0, 4, recordHead, len(raw) / 2} {
		bad := bytes.Clone(raw)
		bad[at] ^= 0x80
		_, err := readJournal(bytes.NewReader(bad))
		require.ErrorIs(t, err, errRecord)
	}
	for _, bad := range [][]byte{
		appendRecord(nil, 'X'), appendRecord(nil, recordDrop, []byte{1}), appendRecord(nil, recordAll, []byte{1}),
		appendRecord(nil, recordAdd, make([]byte, 16)), appendRecord(nil, recordAdd, make([]byte, 30)), {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0},
	} {
		_, err := readJournal(bytes.NewReader(bad))
		require.ErrorIs(t, err, errRecord)
	}
}

// One that was in a block comes back after its children.
func TestAJournalHasParentsFirst(t *testing.T) {
	spend := func(of dump.Tx) dump.Tx {
		tx := wire.NewMsgTx(2)
		tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: of.ID}, nil, nil))
		tx.AddTxOut(wire.NewTxOut(1, []byte{0x51}))
		return dump.Tx{Tx: consensus.NewTx(tx)}
	}
	parent := some(1)
	child := spend(parent)
	grandchild := spend(child)
	raw := appendTx(appendTx(appendTx(nil, grandchild), parent), child)
	raw = appendTx(appendRecord(raw, recordDrop, parent.ID[:]), parent)
	j, err := readJournal(bytes.NewReader(raw))
	require.NoError(t, err)
	require.Len(t, j.txs, 3)
	for i, want := range []dump.Tx{parent, child, grandchild} {
		require.Equal(t, want.ID, j.txs[i].ID)
	}
}

func FuzzReadJournal(f *testing.F) {
	f.Add(records())
	f.Fuzz(func(t *testing.T, raw []byte) {
		j, err := readJournal(bytes.NewReader(raw))
		require.True(t, err == nil || errors.Is(err, errRecord), err)
		var again []byte
		for _, tx := range j.txs {
			again = appendTx(again, tx)
		}
		same, err := readJournal(bytes.NewReader(again))
		require.NoError(t, err)
		require.Equal(t, times(j), times(same))
	})
}
