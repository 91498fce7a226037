package psbt_test

import (
	"testing"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/output"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/psbt"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/sign"
)

// engine is btcsuite's interpreter.
func engine(tx *wire.MsgTx, spent []wire.TxOut, index int) error {
	outs := map[wire.OutPoint]*wire.TxOut{}
	for i, in := range tx.TxIn {
		outs[in.PreviousOutPoint] = &spent[i]
	}
	fetcher := txscript.NewMultiPrevOutFetcher(outs)
	vm, err := txscript.NewEngine(spent[index].PkScript, tx, index, txscript.StandardVerifyFlags, nil,
		txscript.NewTxSigHashes(tx, fetcher), spent[index].Value, fetcher)
	if err != nil {
		return err
	}
	return vm.Execute()
}

func secret(n byte) sign.Secret {
	key, _ := btcec.PrivKeyFromBytes([]byte{31: n})
	return sign.Secret{Key: key, Compressed: true}
}

func publicKey(n byte) []byte { return secret(n).Key.PubKey().SerializeCompressed() }

func knower(scripts [][]byte, keys ...byte) *sign.Provider {
	var p sign.Provider
	for _, n := range keys {
		p.AddSecret(secret(n))
		p.AddOrigin(sign.KeyOrigin{Key: publicKey(n), Origin: sign.Origin{Fingerprint: [4]byte{n}, Path: []uint32{1, 1<<31 | 2}}})
	}
	for _, script := range scripts {
		p.AddScript(script)
	}
	return &p
}

// previous is a transaction with outputs that need two of three keys and one.
func previous() (tx *wire.MsgTx, scripts [][]byte) {
	multi := output.MakeMultisig(2, [][]byte{publicKey(1), publicKey(2), publicKey(3)})
	witness := output.PayToWitnessScriptHash(multi)
	tx = wire.NewMsgTx(2)
	tx.AddTxIn(&wire.TxIn{})
	for _, script := range [][]byte{output.PayToScriptHash(multi), witness, output.PayToScriptHash(witness), output.PayToWitnessKeyHash(address.Hash160(publicKey(4)))} {
		tx.AddTxOut(wire.NewTxOut(1e8, script))
	}
	return tx, [][]byte{multi, witness}
}

// packet spends all outputs of previous, in a version.
func packet(version uint32) (*psbt.Packet, [][]byte) {
	spent, scripts := previous()
	tx := wire.NewMsgTx(2)
	for i := range spent.TxOut {
		tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: spent.TxHash(), Index: uint32(i)}, nil, nil))
	}
	tx.AddTxOut(wire.NewTxOut(3.9e8, output.PayToScriptHash(scripts[1])))
	p := psbt.New(tx, version)
	for _, in := range p.Inputs {
		in.NonWitnessUTXO = spent
	}
	return p, scripts
}

func signAll(t *testing.T, p *psbt.Packet, known *sign.Provider, options psbt.Options) (complete int) {
	spending, err := p.Spending(engine)
	require.NoError(t, err)
	for i := range p.Inputs {
		if _, err := p.Sign(spending, i, known, options); err == nil {
			complete++
		} else {
			require.Equal(t, psbt.ErrIncomplete, err)
		}
	}
	return complete
}

// over is what the next one gets.
func over(t *testing.T, p *psbt.Packet) *psbt.Packet {
	passed, err := psbt.Parse(p.Serialize())
	require.NoError(t, err)
	return passed
}

// TestFromCreatorToExtractor is the way of BIP174, with signers who do not see each other's
// work.
func TestFromCreatorToExtractor(t *testing.T) {
	for _, version := range []uint32{0, 2} {
		created, scripts := packet(version)
		var signed []*psbt.Packet
		for _, keys := range [][]byte{{1}, {3, 4}} {
			p := over(t, created)
			signAll(t, p, knower(scripts, keys...), psbt.Options{})
			require.NotEmpty(t, p.Inputs[1].Origins)
			require.Equal(t, scripts[0], p.Inputs[1].WitnessScript)
			p.Outputs[0].Update(knower(scripts, keys...))
			require.Equal(t, scripts[1], p.Outputs[0].RedeemScript)
			require.Len(t, p.Outputs[0].Origins, 1)
			signed = append(signed, over(t, p))
		}
		half := over(t, signed[0])
		require.False(t, half.Finalize(engine))
		a, err := over(t, half).Analyze(engine)
		require.NoError(t, err)
		require.Equal(t, psbt.Updater, a.Next, "a public key is missing")
		require.Equal(t, psbt.Signer, a.Inputs[0].Next)
		require.Len(t, a.Inputs[0].Missing.Signatures, 2)
		require.EqualValues(t, 0.1e8, *a.Fee)

		require.True(t, signed[0].Merge(signed[1]))
		a, err = over(t, signed[0]).Analyze(engine)
		require.NoError(t, err)
		require.Equal(t, psbt.Finalizer, a.Next)
		whole := over(t, signed[0])
		require.True(t, whole.Finalize(engine))
		whole = over(t, whole)
		require.Empty(t, whole.Inputs[0].Signatures, "nobody needs them any more")
		tx, err := whole.Extract()
		require.NoError(t, err)
		spent, _ := previous()
		outs := make([]wire.TxOut, len(spent.TxOut))
		for i, out := range spent.TxOut {
			outs[i] = *out
		}
		for i := range tx.TxIn {
			require.NoError(t, engine(tx, outs, i))
		}
		require.GreaterOrEqual(t, a.Measured.SerializeSize(), tx.SerializeSize())
		require.Less(t, a.Measured.SerializeSize(), tx.SerializeSize()+2*len(tx.TxIn)*2)
		a, err = whole.Analyze(engine)
		require.NoError(t, err)
		require.Equal(t, psbt.Extractor, a.Next)
	}
}

// TestAnUnverifiedValueIsSignedByWitnessesAlone (BIP174, "Signer").
func TestAnUnverifiedValueIsSignedByWitnessesAlone(t *testing.T) {
	p, scripts := packet(0)
	for _, in := range p.Inputs {
		in.WitnessUTXO, in.NonWitnessUTXO = in.UTXO(), nil
	}
	require.Equal(t, 3, signAll(t, p, knower(scripts, 1, 2, 3, 4), psbt.Options{Finalize: true}))
	require.Empty(t, p.Inputs[0].Signatures)
	require.False(t, p.Inputs[0].Final())
}

func TestHashTypesHaveToAgree(t *testing.T) {
	kind := func(k txscript.SigHashType) psbt.Options { return psbt.Options{HashType: &k} }
	p, scripts := packet(0)
	known := knower(scripts, 1, 4)
	signAll(t, p, known, kind(txscript.SigHashSingle))
	require.EqualValues(t, txscript.SigHashSingle, *p.Inputs[0].HashType, "it is noted")
	spending, err := p.Spending(engine)
	require.NoError(t, err)
	for _, options := range []psbt.Options{{}, kind(txscript.SigHashAll), kind(txscript.SigHashNone)} {
		_, err := p.Sign(spending, 0, known, options)
		require.Equal(t, psbt.ErrHashType, err)
	}
	p.Inputs[0].HashType = nil
	_, err = p.Sign(spending, 0, known, kind(txscript.SigHashNone))
	require.Equal(t, psbt.ErrHashType, err, "a signature says otherwise")
}

func TestOnlyTheSameIsMerged(t *testing.T) {
	p, _ := packet(0)
	other, _ := packet(2)
	require.False(t, p.Merge(other), "another version")
	changed, _ := packet(0)
	changed.Outputs[0].Amount--
	require.False(t, p.Merge(changed))
	sequence := uint32(5)
	later, _ := packet(2)
	later.Inputs[0].Sequence = &sequence
	require.True(t, other.Merge(later), "sequences of version 2 may still change")
	one, three := byte(0b101), byte(0b011)
	other.Modifiable, later.Modifiable = &one, &three
	require.True(t, other.Merge(later))
	require.EqualValues(t, 0b101, *other.Modifiable)
}

func TestLockTimesOfVersion2(t *testing.T) {
	number := func(n uint32) *uint32 { return &n }
	const time = 500_000_000
	for _, c := range []struct {
		inputs [][2]*uint32 // height, time
		want   uint32
		fault  bool
	}{
		{[][2]*uint32{{}, {}}, 77, false},
		{[][2]*uint32{{number(10)}, {number(12)}}, 12, false},
		{[][2]*uint32{{nil, number(time)}, {}}, time, false},
		{[][2]*uint32{{number(10), number(time)}, {number(12), number(time + 5)}}, 12, false},
		{[][2]*uint32{{number(10), number(time)}, {nil, number(time + 5)}}, time + 5, false},
		{[][2]*uint32{{number(10)}, {nil, number(time)}}, 0, true},
		{[][2]*uint32{{nil, number(time)}, {number(10)}, {}}, 0, true},
	} {
		p := &psbt.Packet{Version: 2, LockTime: number(77)}
		for _, in := range c.inputs {
			p.Inputs = append(p.Inputs, &psbt.Input{HeightLock: in[0], TimeLock: in[1]})
		}
		tx, err := p.Unsigned()
		if c.fault {
			require.Equal(t, psbt.ErrInvalid, err)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, c.want, tx.LockTime)
	}
}

func TestPacketsAreJoined(t *testing.T) {
	first, _ := packet(0)
	second, _ := packet(0)
	_, twice := psbt.Join([]*psbt.Packet{first, second}, func(int, func(i, j int)) {})
	require.Equal(t, first.Inputs[0].PrevOut, twice.PrevOut)
	for _, in := range second.Inputs {
		in.PrevOut.Index += 10
	}
	second.TxVersion, *second.LockTime, *first.LockTime = 3, 5, 7
	lengths := []int{}
	joined, twice := psbt.Join([]*psbt.Packet{first, second}, func(n int, swap func(i, j int)) {
		lengths = append(lengths, n)
		swap(0, n-1)
	})
	require.Nil(t, twice)
	require.Equal(t, []int{8, 2}, lengths)
	require.EqualValues(t, 3, joined.TxVersion)
	require.EqualValues(t, 5, *joined.LockTime)
	require.EqualValues(t, 13, joined.Inputs[0].PrevOut.Index, "shuffled")
}

func TestWhatIsSpentIsDroppedIfAllIsTaproot(t *testing.T) {
	taproot := output.PayToTaproot(publicKey(1)[1:])
	for name, c := range map[string]struct {
		script []byte
		kind   txscript.SigHashType
		kept   bool
	}{
		"taproot": {taproot, txscript.SigHashAll, false}, "one that leaves others open": {taproot, txscript.SigHashAll | txscript.SigHashAnyOneCanPay, true},
		"version 0": {output.PayToWitnessKeyHash(make([]byte, 20)), txscript.SigHashAll, true}, "no witness": {output.PayToKey(publicKey(1)), txscript.SigHashAll, true},
	} {
		p, _ := packet(0)
		kind := int32(c.kind)
		for _, in := range p.Inputs {
			in.WitnessUTXO = wire.NewTxOut(1, taproot)
		}
		p.Inputs[3].WitnessUTXO, p.Inputs[3].HashType = wire.NewTxOut(1, c.script), &kind
		p.DropTransactions()
		require.Equal(t, c.kept, p.Inputs[0].NonWitnessUTXO != nil, name)
	}
}
