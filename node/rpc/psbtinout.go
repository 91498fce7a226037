package rpc

import (
	"bytes"
	"encoding/hex"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/psbt"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/render"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/sign"
)

type shownPSBTInput struct {
	WitnessUTXO    *shownUTXO `json:"witness_utxo,omitempty"`
	NonWitnessUTXO *render.Tx `json:"non_witness_utxo,omitempty"`
	Signatures     hexPairs   `json:"partial_signatures,omitempty"`
	HashType       *string    `json:"sighash,omitempty"`
	shownScripts
	FinalScriptSig *render.ScriptSig `json:"final_scriptSig,omitempty"`
	FinalWitness   []string          `json:"final_scriptwitness,omitempty"`
	RIPEMD160      hexPairs          `json:"ripemd160_preimages,omitempty"`
	SHA256         hexPairs          `json:"sha256_preimages,omitempty"`
	Hash160        hexPairs          `json:"hash160_preimages,omitempty"`
	Hash256        hexPairs          `json:"hash256_preimages,omitempty"`
	*shownPrevious
	shownTapInput
	shownMuSig
	shownExtra
}

type shownUTXO struct {
	Amount rpc.Amount    `json:"amount"`
	Script render.Script `json:"scriptPubKey"`
}

// shownPrevious is what version 0 has in its transaction.
type shownPrevious struct {
	TxID       string  `json:"previous_txid"`
	Vout       uint32  `json:"previous_vout"`
	Sequence   *uint32 `json:"sequence,omitempty"`
	TimeLock   *uint32 `json:"time_locktime,omitempty"`
	HeightLock *uint32 `json:"height_locktime,omitempty"`
}

type shownTapInput struct {
	KeySignature     string               `json:"taproot_key_path_sig,omitempty"`
	ScriptSignatures []shownLeafSignature `json:"taproot_script_path_sigs,omitempty"`
	Leaves           []shownLeaf          `json:"taproot_scripts,omitempty"`
	Origins          []shownLeafOrigin    `json:"taproot_bip32_derivs,omitempty"`
	InternalKey      string               `json:"taproot_internal_key,omitempty"`
	MerkleRoot       string               `json:"taproot_merkle_root,omitempty"`
}

type shownLeafSignature struct {
	Key       string `json:"pubkey"`
	Leaf      string `json:"leaf_hash"`
	Signature string `json:"sig"`
}

type shownLeaf struct {
	Script   string   `json:"script"`
	Version  byte     `json:"leaf_ver"`
	Controls []string `json:"control_blocks"`
}

type shownLeafOrigin struct {
	Key string `json:"pubkey"`
	shownOrigin
	Leaves []string `json:"leaf_hashes"`
}

type shownMuSig struct {
	Participants []shownParticipants `json:"musig2_participant_pubkeys,omitempty"`
	Nonces       []shownNonce        `json:"musig2_pubnonces,omitempty"`
	Partials     []shownPartial      `json:"musig2_partial_sigs,omitempty"`
}

type shownParticipants struct {
	Aggregate string   `json:"aggregate_pubkey"`
	Keys      []string `json:"participant_pubkeys"`
}

type shownMuSigKey struct {
	Participant string `json:"participant_pubkey"`
	Aggregate   string `json:"aggregate_pubkey"`
	Leaf        string `json:"leaf_hash,omitempty"`
}

type shownNonce struct {
	shownMuSigKey
	Nonce string `json:"pubnonce"`
}

type shownPartial struct {
	shownMuSigKey
	Partial string `json:"partial_sig"`
}

func newShownPSBTInput(in *psbt.Input, version uint32, net *chaincfg.Params) shownPSBTInput {
	shown := shownPSBTInput{
		shownScripts: newShownScripts(&in.Material, net), shownTapInput: newShownTapInput(&in.Material),
		shownMuSig: newShownMuSig(in), shownExtra: newShownExtra(in.Extra), FinalWitness: hexList(in.FinalWitness),
		RIPEMD160: pairsOf(in.Preimages[psbt.RIPEMD160]), SHA256: pairsOf(in.Preimages[psbt.SHA256]),
		Hash160: pairsOf(in.Preimages[psbt.Hash160]), Hash256: pairsOf(in.Preimages[psbt.Hash256]),
	}
	if out := in.WitnessUTXO; out != nil {
		shown.WitnessUTXO = &shownUTXO{rpc.Amount(out.Value), render.NewScript(out.PkScript, net)}
	}
	if in.NonWitnessUTXO != nil {
		tx := render.NewTx(shownMsg(in.NonWitnessUTXO), net, false, nil, false)
		shown.NonWitnessUTXO = &tx
	}
	for _, s := range in.SortedSignatures() {
		shown.Signatures = append(shown.Signatures, [2][]byte{s.Key, s.Signature})
	}
	if in.HashType != nil {
		name := hashTypeName(byte(*in.HashType))
		shown.HashType = &name
	}
	if len(in.FinalScriptSig) > 0 {
		shown.FinalScriptSig = &render.ScriptSig{Asm: render.Asm(in.FinalScriptSig, true), Hex: hex.EncodeToString(in.FinalScriptSig)}
	}
	if version >= 2 {
		shown.shownPrevious = &shownPrevious{in.PrevOut.Hash.String(), in.PrevOut.Index, in.Sequence, in.TimeLock, in.HeightLock}
	}
	return shown
}

func hexList(items [][]byte) (list []string) {
	for _, item := range items {
		list = append(list, hex.EncodeToString(item))
	}
	return list
}

// hexKnown shows a key or a hash, of which zero is none.
func hexKnown(value [32]byte) string {
	if value == ([32]byte{}) {
		return ""
	}
	return hex.EncodeToString(value[:])
}

func newShownTapInput(m *sign.Material) shownTapInput {
	shown := shownTapInput{
		KeySignature: hex.EncodeToString(m.KeySignature), Origins: leafOriginsOf(m),
		InternalKey: hexKnown(m.InternalKey), MerkleRoot: hexKnown(m.MerkleRoot),
	}
	for _, key := range psbt.SortedKeys(m.ScriptSignatures, psbt.CompareLeafKeys) {
		shown.ScriptSignatures = append(shown.ScriptSignatures, shownLeafSignature{
			hex.EncodeToString(key.Key[:]), hex.EncodeToString(key.Leaf[:]), hex.EncodeToString(m.ScriptSignatures[key]),
		})
	}
	for _, leaf := range psbt.SortedKeys(m.Leaves, sign.Leaf.Compare) {
		shown.Leaves = append(shown.Leaves, shownLeaf{hex.EncodeToString([]byte(leaf.Script)), leaf.Version, hexList(m.Leaves[leaf])})
	}
	return shown
}

func leafOriginsOf(m *sign.Material) (list []shownLeafOrigin) {
	for _, key := range psbt.SortedKeys(m.LeafOrigins, func(a, b sign.XOnly) int { return bytes.Compare(a[:], b[:]) }) {
		o := m.LeafOrigins[key]
		shown := shownLeafOrigin{hex.EncodeToString(key[:]), newShownOrigin(o.Origin), []string{}}
		for _, leaf := range o.Leaves {
			shown.Leaves = append(shown.Leaves, hex.EncodeToString(leaf[:]))
		}
		list = append(list, shown)
	}
	return list
}

func participantsOf(m map[string][][]byte) (list []shownParticipants) {
	for aggregate, keys := range psbt.Sorted(m) {
		list = append(list, shownParticipants{hex.EncodeToString([]byte(aggregate)), append([]string{}, hexList(keys)...)})
	}
	return list
}

func newShownMuSig(in *psbt.Input) shownMuSig {
	shown := shownMuSig{Participants: participantsOf(in.Participants)}
	named := func(key sign.MuSigKey) shownMuSigKey {
		return shownMuSigKey{hex.EncodeToString([]byte(key.Participant)), hex.EncodeToString([]byte(key.Aggregate)), hexKnown(key.Leaf)}
	}
	for _, key := range psbt.SortedKeys(in.Nonces, sign.MuSigKey.Compare) {
		shown.Nonces = append(shown.Nonces, shownNonce{named(key), hex.EncodeToString(in.Nonces[key])})
	}
	for _, key := range psbt.SortedKeys(in.Partials, sign.MuSigKey.Compare) {
		shown.Partials = append(shown.Partials, shownPartial{named(key), hex.EncodeToString(in.Partials[key])})
	}
	return shown
}

type shownPSBTOutput struct {
	shownScripts
	*shownPaid
	InternalKey  string              `json:"taproot_internal_key,omitempty"`
	Tree         []shownTreeLeaf     `json:"taproot_tree,omitempty"`
	LeafOrigins  []shownLeafOrigin   `json:"taproot_bip32_derivs,omitempty"`
	Participants []shownParticipants `json:"musig2_participant_pubkeys,omitempty"`
	shownExtra
}

// shownPaid is what version 0 has in its transaction.
type shownPaid struct {
	Amount rpc.Amount    `json:"amount"`
	Script render.Script `json:"script"`
}

type shownTreeLeaf struct {
	Depth   byte   `json:"depth"`
	Version byte   `json:"leaf_ver"`
	Script  string `json:"script"`
}

func newShownPSBTOutput(out *psbt.Output, version uint32, net *chaincfg.Params) shownPSBTOutput {
	shown := shownPSBTOutput{
		shownScripts: newShownScripts(&out.Material, net), InternalKey: hexKnown(out.InternalKey),
		LeafOrigins: leafOriginsOf(&out.Material), Participants: participantsOf(out.Participants), shownExtra: newShownExtra(out.Extra),
	}
	if version >= 2 {
		shown.shownPaid = &shownPaid{rpc.Amount(out.Amount), render.NewScript(out.Script, net)}
	}
	for _, leaf := range out.Tree {
		shown.Tree = append(shown.Tree, shownTreeLeaf{leaf.Depth, leaf.Version, hex.EncodeToString(leaf.Script)})
	}
	return shown
}
