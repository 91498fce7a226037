package script

import (
	"fmt"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// manyOf makes a transaction that spends some outputs of one form, and pays two.
func manyOf(t testing.TB, f form, inputs int) Job {
	t.Helper()
	j := Job{Tx: wire.NewMsgTx(2), Flags: blockRules}
	for i := range inputs {
		j.Tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Index: uint32(i)}})
		j.Spent = append(j.Spent, wire.TxOut{Value: 1000 * int64(i+1), PkScript: f.pkScript(testKey(byte(i)))})
	}
	for i := range 2 {
		j.Tx.AddTxOut(&wire.TxOut{Value: int64(i), PkScript: witnessKeyHash.pkScript(testKey(byte(i)))})
	}
	for i := range inputs {
		f.sign(t, input{prepare(&j), i}, testKey(byte(i)), txscript.SigHashAll)
	}
	return j
}

// BenchmarkForms verifies transactions as a block has them: alone, and so many that
// there are batches of Schnorr signatures.
func BenchmarkForms(b *testing.B) {
	names := map[form]string{keyHash: "P2PKH", nestedKeyHash: "P2SH-P2WPKH", witnessKeyHash: "P2WPKH", taprootKey: "P2TR"}
	for _, f := range []form{keyHash, nestedKeyHash, witnessKeyHash, taprootKey} {
		for _, shape := range [][2]int{{1, 1}, {1, 2}, {1, 32}, {128, 2}} {
			var jobs []Job
			for range shape[0] {
				jobs = append(jobs, manyOf(b, f, shape[1]))
			}
			v := New(Config{Parallel: 1})
			b.Run(fmt.Sprintf("%s/%d-of-%d", names[f], shape[0], shape[1]), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if v.Verify(jobs, false) != nil {
						b.Fatal("refused")
					}
				}
			})
		}
	}
}
