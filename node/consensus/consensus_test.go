package consensus

import (
	"encoding/hex"
	"math"
	"math/big"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
)

// The values are those of Bitcoin Core's unit tests of compact numbers.
func TestTargets(t *testing.T) {
	for compact, want := range map[uint32]string{
		0x01123456: "12", 0x01003456: "", 0x02008000: "80", 0x05009234: "92340000", 0x04923456: "", 0x04123456: "12345600",
		0x20123456: "1234560000000000000000000000000000000000000000000000000000000000", 0xff123456: "", 0x22000100: "", 0x1d00ffff: "ffff0000000000000000000000000000000000000000000000000000",
	} {
		target, ok := Target(compact)
		require.Equal(t, want != "", ok, "%08x", compact)
		if ok {
			require.Equal(t, want, target.Big().Text(16))
		}
	}
	require.Equal(t, uint32(0x01120000), Compact(big.NewInt(0x12)))
	require.Equal(t, uint32(0x02008000), Compact(big.NewInt(0x80)))
	require.Equal(t, uint32(0x1d00ffff), Compact(chaincfg.MainNetParams.PowLimit))
	require.Equal(t, "100010001", Work(0x1d00ffff).Big().Text(16))
	require.Equal(t, 1.0, Difficulty(0x1d00ffff))
}

func TestHeightScripts(t *testing.T) {
	for height, want := range map[int32]string{0: "00", 1: "51", 16: "60", 17: "0111", 127: "017f", 128: "028000", 255: "02ff00", 256: "020001", 227931: "035b7a03", 8388608: "0400008000"} {
		require.Equal(t, want, hex.EncodeToString(HeightScript(height)))
	}
}

func TestSubsidies(t *testing.T) {
	p, err := ForChain("main", "")
	require.NoError(t, err)
	require.Equal(t, int64(50*Coin), p.Subsidy(209_999))
	require.Equal(t, int64(25*Coin), p.Subsidy(210_000))
	require.Equal(t, int64(312_500_000), p.Subsidy(840_000))
	require.Zero(t, p.Subsidy(64*210_000))
	total := int64(0)
	for height := int32(0); p.Subsidy(height) > 0; height += 1000 {
		total += p.Subsidy(height) * 1000
	}
	require.Equal(t, int64(2_099_999_997_690_000), total)
}

func TestEveryChainHasItsGenesis(t *testing.T) {
	for _, chain := range chains.All() {
		name := chain.Name
		p, err := ForChain(name, "")
		require.NoError(t, err)
		require.Equal(t, name, p.Name)
		header := p.GenesisBlock.Header
		hash := header.BlockHash()
		require.Equal(t, *p.GenesisHash, hash, name)
		require.True(t, CheckProofOfWork(&hash, header.Bits, p), name)
		var txs []*Tx
		for _, tx := range p.GenesisBlock.Transactions {
			txs = append(txs, NewTx(tx))
		}
		block := NewBlock(header, txs)
		require.NoError(t, CheckBlock(block, p), name)
	}
	_, err := ForChain("moon", "")
	require.Error(t, err)
}

func TestRelativeLocks(t *testing.T) {
	tx := NewTx(&wire.MsgTx{Version: 2, TxIn: []*wire.TxIn{
		{Sequence: 10}, {Sequence: wire.SequenceLockTimeIsSeconds | 2}, {Sequence: wire.SequenceLockTimeDisabled | 60_000},
	}})
	locks := SequenceLocks(tx, []int32{100, 200, 300}, func(height int32) int64 { return int64(height) * 1000 })
	require.Equal(t, Locks{109, 199_000 + 1024 - 1}, locks)
	require.True(t, locks.Passed(110, 200_024))
	require.False(t, locks.Passed(109, 200_024))
	require.False(t, locks.Passed(110, 200_023))
	tx.Version = 1
	require.Equal(t, Locks{-1, -1}, SequenceLocks(tx, []int32{100, 200, 300}, nil))
}

// The version of a transaction has no sign (BIP68): what btcd took for less than
// two is more (CVE-2024-34478).
func TestRelativeLocksOfNegativeVersions(t *testing.T) {
	for version, locked := range map[int32]bool{
		math.MinInt32: true, -2: true, -1: true, 0: false, 1: false, 2: true, 3: true, math.MaxInt32: true,
	} {
		tx := NewTx(&wire.MsgTx{Version: version, TxIn: []*wire.TxIn{{Sequence: 10}}})
		want := Locks{-1, -1}
		if locked {
			want.Height = 109
		}
		require.Equal(t, want, SequenceLocks(tx, []int32{100}, nil), "version %d", version)
	}
}

// The marker of BIP144 without a witness has no meaning.
func TestSuperfluousWitnessRecord(t *testing.T) {
	raw, err := hex.DecodeString("0200000000010100000000000000000000000000000000000000000000000000000000000000000000000000ffffffff0101000000000000000151" + "00" + "00000000")
	require.NoError(t, err)
	_, err = ParseTx(raw)
	require.ErrorContains(t, err, "Superfluous witness record")
}

func genesisRaw() []byte {
	tx := NewTx(chaincfg.MainNetParams.GenesisBlock.Transactions[0])
	return NewBlock(chaincfg.MainNetParams.GenesisBlock.Header, []*Tx{tx}).Raw
}

// What is parsed is what is stored and served: it must serialise to the same
// bytes.
func FuzzParseBlock(f *testing.F) {
	f.Add(genesisRaw())
	f.Fuzz(func(t *testing.T, raw []byte) {
		block, err := ParseBlock(raw)
		if err != nil {
			return
		}
		require.Equal(t, raw, NewBlock(block.Header, block.Txs).Raw)
		require.Equal(t, chainhash.DoubleHashH(raw[:80]), block.Hash)
		_ = CheckContents(block)
	})
}

func FuzzParseTx(f *testing.F) {
	f.Add(genesisRaw()[81:])
	f.Fuzz(func(t *testing.T, raw []byte) {
		tx, err := ParseTx(raw)
		if err != nil {
			return
		}
		require.Equal(t, raw, tx.Raw())
		require.Equal(t, tx.TxHash(), tx.ID)
		require.Equal(t, tx.WitnessHash(), tx.WitnessID)
	})
}
