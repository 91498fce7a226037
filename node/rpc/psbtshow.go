package rpc

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/btcsuite/btcd/address/v2/base58"
	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/psbt"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/render"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/sign"
)

// shownPSBT is what decodepsbt shows.
type shownPSBT struct {
	Tx    *render.Tx  `json:"tx,omitempty"`
	XPubs []shownXPub `json:"global_xpubs"`
	*shownVersion2
	Version     uint32             `json:"psbt_version"`
	Proprietary []shownProprietary `json:"proprietary"`
	Unknown     hexPairs           `json:"unknown"`
	Inputs      []shownPSBTInput   `json:"inputs"`
	Outputs     []shownPSBTOutput  `json:"outputs"`
	Fee         *rpc.Amount        `json:"fee,omitempty"`
}

// shownVersion2 is what version 0 has in its transaction.
type shownVersion2 struct {
	TxVersion uint32  `json:"tx_version"`
	LockTime  *uint32 `json:"fallback_locktime,omitempty"`
	Inputs    int     `json:"input_count"`
	Outputs   int     `json:"output_count"`
	*shownModifiable
}

type shownModifiable struct {
	Inputs  bool `json:"inputs_modifiable"`
	Outputs bool `json:"outputs_modifiable"`
	Single  bool `json:"has_sighash_single"`
}

type shownXPub struct {
	XPub string `json:"xpub"`
	shownOrigin
}

type shownOrigin struct {
	Fingerprint string `json:"master_fingerprint"`
	Path        string `json:"path"`
}

type shownProprietary struct {
	Identifier string `json:"identifier"`
	Subtype    uint64 `json:"subtype"`
	Key        string `json:"key"`
	Value      string `json:"value"`
}

// shownExtra is of inputs and outputs, where it is left out if there is nothing.
type shownExtra struct {
	Proprietary []shownProprietary `json:"proprietary,omitempty"`
	Unknown     hexPairs           `json:"unknown,omitempty"`
}

// hexPairs is a JSON object of keys and values in hex, in an order of their own.
type hexPairs [][2][]byte

// JSONSchema implements rpc.Describer.
func (hexPairs) JSONSchema() rpc.Schema {
	return rpc.Schema{"type": "object", "additionalProperties": rpc.Hex.JSONSchema()}
}

// MarshalJSON writes an object.
func (h hexPairs) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for i, pair := range h {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"%x":"%x"`, pair[0], pair[1])
	}
	return []byte("{" + b.String() + "}"), nil
}

var _ json.Marshaler = hexPairs{}

func pairsOf(m map[string][]byte) (list hexPairs) {
	for key, value := range psbt.Sorted(m) {
		list = append(list, [2][]byte{[]byte(key), value})
	}
	return list
}

func newShownPSBT(p *psbt.Packet, net *chaincfg.Params) shownPSBT {
	shown := shownPSBT{
		XPubs: []shownXPub{}, Version: p.Version, Proprietary: append([]shownProprietary{}, proprietaryOf(p.Extra)...),
		Unknown: pairsOf(p.Unknown), Inputs: []shownPSBTInput{}, Outputs: []shownPSBTOutput{}, Fee: psbtFee(p),
	}
	for _, x := range p.XPubs {
		shown.XPubs = append(shown.XPubs, shownXPub{base58.CheckEncode(x.Raw[1:], x.Raw[0]), newShownOrigin(x.Origin)})
	}
	if p.Version >= 2 {
		shown.shownVersion2 = &shownVersion2{TxVersion: p.TxVersion, LockTime: p.LockTime, Inputs: len(p.Inputs), Outputs: len(p.Outputs)}
		if p.Modifiable != nil {
			shown.shownModifiable = &shownModifiable{*p.Modifiable&1 != 0, *p.Modifiable&2 != 0, *p.Modifiable&4 != 0}
		}
	}
	for _, in := range p.Inputs {
		shown.Inputs = append(shown.Inputs, newShownPSBTInput(in, p.Version, net))
	}
	for _, out := range p.Outputs {
		shown.Outputs = append(shown.Outputs, newShownPSBTOutput(out, p.Version, net))
	}
	return shown
}

func newShownOrigin(o sign.Origin) shownOrigin {
	const hardened = 1 << 31
	path := []byte("m")
	for _, step := range o.Path {
		path = strconv.AppendUint(append(path, '/'), uint64(step&^hardened), 10)
		if step&hardened != 0 {
			path = append(path, 'h')
		}
	}
	return shownOrigin{hex.EncodeToString(o.Fingerprint[:]), string(path)}
}

func proprietaryOf(e psbt.Extra) (list []shownProprietary) {
	for key, value := range psbt.Sorted(e.Proprietary) {
		identifier, subtype := psbt.Identify(key)
		list = append(list, shownProprietary{hex.EncodeToString(identifier), subtype, hex.EncodeToString([]byte(key)), hex.EncodeToString(value)})
	}
	return list
}

func newShownExtra(e psbt.Extra) shownExtra {
	return shownExtra{proprietaryOf(e), pairsOf(e.Unknown)}
}

// plainScript is a script of which nobody asks for the address.
type plainScript struct {
	Asm  string `json:"asm"`
	Hex  string `json:"hex"`
	Type string `json:"type"`
}

func newPlainScript(script []byte, net *chaincfg.Params) *plainScript {
	if len(script) == 0 {
		return nil
	}
	s := render.NewScript(script, net)
	return &plainScript{s.Asm, s.Hex, string(s.Type)}
}

// shownScripts is what inputs and outputs have of scripts and keys.
type shownScripts struct {
	Redeem  *plainScript     `json:"redeem_script,omitempty"`
	Witness *plainScript     `json:"witness_script,omitempty"`
	Origins []shownKeyOrigin `json:"bip32_derivs,omitempty"`
}

type shownKeyOrigin struct {
	Key string `json:"pubkey"`
	shownOrigin
}

func newShownScripts(m *sign.Material, net *chaincfg.Params) shownScripts {
	shown := shownScripts{Redeem: newPlainScript(m.RedeemScript, net), Witness: newPlainScript(m.WitnessScript, net)}
	for _, o := range psbt.SortedOrigins(m) {
		shown.Origins = append(shown.Origins, shownKeyOrigin{hex.EncodeToString(o.Key), newShownOrigin(o.Origin)})
	}
	return shown
}
