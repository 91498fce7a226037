package store_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/wallet/ledger"
	"github.com/bulkheadnode/bulkhead/wallet/store"
)

func TestAWalletComesBackAsItWas(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	dir := filepath.Join(t.TempDir(), "w")
	_, err := store.Open(dir, log)
	require.ErrorIs(t, err, store.ErrMissing)
	seed := []byte("0123456789abcdef0123456789abcdef")
	require.NoError(t, os.MkdirAll(filepath.Join(filepath.Dir(dir), ".new-w", "junk"), 0o700), "left by a death in between")
	require.NoError(t, store.Create(dir, store.Meta{Chain: "regtest", Birthday: 5}, seed, store.State{}, log))
	s, err := store.Open(dir, log)
	require.NoError(t, err)
	_, err = store.Open(dir, log)
	require.ErrorIs(t, err, store.ErrLocked)
	require.ErrorIs(t, store.Create(dir, store.Meta{}, seed, store.State{}, log), store.ErrExists)

	msg := wire.NewMsgTx(2)
	msg.AddTxIn(wire.NewTxIn(&wire.OutPoint{Index: 3}, []byte{}, wire.TxWitness{{1}}))
	msg.AddTxOut(wire.NewTxOut(5, []byte{1, 2}))
	want := ledger.Tx{Msg: msg, Hash: msg.TxHash(), Block: &ledger.Block{Height: 7}, Received: 9, Own: true}
	state := store.State{Next: [2]uint32{4, 2}, Locator: []chainhash.Hash{{9}}, Height: 7}
	require.NoError(t, s.Save(state, []ledger.Tx{want}, nil))
	require.NoError(t, s.SetLabel("addr", "rent"))
	require.NoError(t, s.Close())

	s, err = store.Open(dir, log)
	require.NoError(t, err)
	defer s.Close()
	require.Equal(t, store.Meta{Version: 1, Chain: "regtest", Birthday: 5}, s.Meta)
	got, err := s.State()
	require.NoError(t, err)
	require.Equal(t, state, got)
	kept, err := s.Seed()
	require.NoError(t, err)
	require.Equal(t, seed, kept)
	var txs []ledger.Tx
	require.NoError(t, s.Transactions(func(tx ledger.Tx) { txs = append(txs, tx) }))
	require.Equal(t, []ledger.Tx{want}, txs)
	labels, err := s.Labels()
	require.NoError(t, err)
	require.Equal(t, map[string]string{"addr": "rent"}, labels)
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Zero(t, info.Mode().Perm()&0o077, "others cannot read it")
}

// TestManyTransactionsAreSavedTogether: more than the database takes at once,
// as a scan of full blocks finds them.
func TestManyTransactionsAreSavedTogether(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	dir := filepath.Join(t.TempDir(), "w")
	require.NoError(t, store.Create(dir, store.Meta{Chain: "regtest"}, make([]byte, 32), store.State{}, log))
	s, err := store.Open(dir, log)
	require.NoError(t, err)
	var many []ledger.Tx
	for i := range 3000 {
		msg := wire.NewMsgTx(2)
		msg.AddTxIn(wire.NewTxIn(&wire.OutPoint{Index: uint32(i)}, nil, nil))
		msg.AddTxOut(wire.NewTxOut(5, make([]byte, 1000)))
		many = append(many, ledger.Tx{Msg: msg, Hash: msg.TxHash(), Block: &ledger.Block{Height: int32(i)}})
	}
	require.NoError(t, s.Save(store.State{Height: 3000}, many, nil))
	require.NoError(t, s.Close())

	s, err = store.Open(dir, log)
	require.NoError(t, err)
	defer s.Close()
	state, err := s.State()
	require.NoError(t, err)
	require.EqualValues(t, 3000, state.Height)
	count := 0
	require.NoError(t, s.Transactions(func(ledger.Tx) { count++ }))
	require.Equal(t, len(many), count)
}

// A folder of something else is left as it is: a database would remove what it takes for
// its own.
func TestAForeignFolderIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"wallet.dat", "000007.sst", "LOCK"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600))
	}
	_, err := store.Open(dir, slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "is not a wallet")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 3)
}
