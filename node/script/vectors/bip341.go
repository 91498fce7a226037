package vectors

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// Hex is bytes that a file has as hexadecimal digits, or as null.
type Hex []byte

// UnmarshalJSON reads a string or null.
func (h *Hex) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return err
	}
	digits, err := hex.DecodeString(text)
	*h = digits
	return err
}

// TapOutput is an output with its key and scripts. Leaves are in the order of
// their IDs.
type TapOutput struct {
	Given struct {
		InternalPubkey Hex // x only
		ScriptTree     json.RawMessage
	}
	Intermediary struct {
		LeafHashes                       []Hex
		MerkleRoot, Tweak, TweakedPubkey Hex
	}
	Expected struct {
		ScriptPubKey            Hex
		ScriptPathControlBlocks []Hex
	}
	Leaves []TapScript `json:"-"`
}

// TapScript is a leaf.
type TapScript struct {
	ID          int
	Script      Hex
	LeafVersion byte
}

// TapInput is an input that a key spends.
type TapInput struct {
	Given struct {
		TxinIndex int
		HashType  byte
	}
	Intermediary struct{ SigMsg, SigHash Hex }
	Expected     struct{ Witness []Hex }
}

// TapSpend is a transaction whose inputs spend outputs of taproot and others.
type TapSpend struct {
	Given struct {
		RawUnsignedTx Hex
		UtxosSpent    []struct {
			ScriptPubKey Hex
			AmountSats   int64
		}
	}
	Intermediary struct {
		HashAmounts, HashOutputs, HashPrevouts, HashScriptPubkeys, HashSequences Hex
	}
	InputSpending []TapInput
	Auxiliary     struct{ FullySignedTx Hex }
}

// BIP341 returns the seven outputs and the transaction of BIP341's vectors for
// wallets.
func BIP341(t testing.TB) ([]TapOutput, TapSpend) {
	t.Helper()
	var file struct {
		ScriptPubKey    []TapOutput
		KeyPathSpending []TapSpend
	}
	Load(t, "bip341_wallet_vectors.json", &file)
	require.Len(t, file.ScriptPubKey, 7)
	require.Len(t, file.KeyPathSpending, 1)
	for i := range file.ScriptPubKey {
		out := &file.ScriptPubKey[i]
		out.Leaves = leaves(t, out.Given.ScriptTree)
		require.Len(t, out.Leaves, len(out.Intermediary.LeafHashes))
	}
	return file.ScriptPubKey, file.KeyPathSpending[0]
}

// leaves reads a tree: null, a leaf, or a pair of trees.
func leaves(t testing.TB, tree json.RawMessage) []TapScript {
	t.Helper()
	var branches []json.RawMessage
	if json.Unmarshal(tree, &branches) == nil {
		var list []TapScript
		for _, branch := range branches {
			list = append(list, leaves(t, branch)...)
		}
		return list
	}
	var leaf TapScript
	require.NoError(t, json.Unmarshal(tree, &leaf))
	return []TapScript{leaf}
}

// Spend returns the transaction as it is in raw, with what it spends.
func (v TapSpend) Spend(t testing.TB, raw Hex) Spend {
	t.Helper()
	s := Spend{Tx: new(wire.MsgTx)}
	require.NoError(t, s.Tx.Deserialize(bytes.NewReader(raw)))
	for _, out := range v.Given.UtxosSpent {
		s.Spent = append(s.Spent, wire.TxOut{Value: out.AmountSats, PkScript: out.ScriptPubKey})
	}
	return s
}
