package address

import (
	"fmt"
	"strings"

	"github.com/btcsuite/btcd/address/v2/base58"
	"github.com/btcsuite/btcd/address/v2/bech32"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/bulkheadnode/bulkhead/internal/wording"
)

// Of returns the address of an output script on a chain; "" if there is none.
func Of(script []byte, net *chaincfg.Params) string {
	switch {
	case txscript.IsPayToPubKeyHash(script):
		return base58.CheckEncode(script[3:23], net.PubKeyHashAddrID)
	case txscript.IsPayToScriptHash(script):
		return base58.CheckEncode(script[2:22], net.ScriptHashAddrID)
	}
	version, program, err := txscript.ExtractWitnessProgramInfo(script)
	if err != nil || version == 0 && len(program) != 20 && len(program) != 32 {
		return ""
	}
	return segwitAddress(version, program, net)
}

func segwitAddress(version int, program []byte, net *chaincfg.Params) string {
	groups, err := bech32.ConvertBits(program, 8, 5, true)
	if err != nil {
		return ""
	}
	groups = append([]byte{byte(version)}, groups...)
	encode := bech32.EncodeM
	if version == 0 {
		encode = bech32.Encode
	}
	text, err := encode(net.Bech32HRPSegwit, groups)
	if err != nil {
		return ""
	}
	return text
}

// Script returns the output script that pays to an address of a chain (base58
// or BIP173, BIP350), or an error with Bitcoin Core's text, a *BadBech32 if it can be
// told where it is wrong.
func Script(text string, net *chaincfg.Params) ([]byte, error) {
	if strings.HasPrefix(strings.ToLower(text), net.Bech32HRPSegwit) {
		return segwitScript(text, net)
	}
	text = strings.Trim(text, " \t\n\v\f\r") // as Bitcoin Core's decoder of base58 does
	payload, id, err := base58.CheckDecode(text)
	if err != nil || len(payload) > 20 {
		return nil, base58Error(text)
	}
	switch {
	case len(payload) == 20 && id == net.PubKeyHashAddrID:
		script := []byte{txscript.OP_DUP, txscript.OP_HASH160, 20}
		return append(append(script, payload...), txscript.OP_EQUALVERIFY, txscript.OP_CHECKSIG), nil
	case len(payload) == 20 && id == net.ScriptHashAddrID:
		return append(append([]byte{txscript.OP_HASH160, 20}, payload...), txscript.OP_EQUAL), nil
	case id == net.PubKeyHashAddrID || id == net.ScriptHashAddrID:
		return nil, wording.Errorf("Invalid length for Base58 address (P2PKH or P2SH)")
	}
	return nil, wording.Errorf("Invalid or unsupported Base58-encoded address.")
}

// base58Error tells why a text that has no right checksum, or is longer than an address
// may be, is none.
func base58Error(text string) error {
	const longest = 100 // bytes of what is told to be base58 at all
	if raw := base58.Decode(text); len(raw) == 0 && text != "" || len(raw) > longest {
		return wording.Errorf("Invalid or unsupported Segwit (Bech32) or Base58 encoding.")
	}
	return wording.Errorf("Invalid checksum or length of Base58 address (P2PKH or P2SH)")
}

func segwitScript(text string, net *chaincfg.Params) ([]byte, error) {
	fail := func(reason string) ([]byte, error) { return nil, fmt.Errorf("%s", reason) }
	prefix, groups, checksum, err := bech32.DecodeGeneric(text)
	if err != nil {
		return nil, locate(text)
	}
	if len(groups) == 0 {
		return fail("Empty Bech32 data section")
	}
	if prefix != net.Bech32HRPSegwit {
		return nil, wrongPrefix(net.Bech32HRPSegwit, prefix)
	}
	version := groups[0]
	switch {
	case version == 0 && checksum != bech32.Version0:
		return fail("Version 0 witness address must use Bech32 checksum")
	case version != 0 && checksum != bech32.VersionM:
		return fail("Version 1+ witness address must use Bech32m checksum")
	}
	program, err := bech32.ConvertBits(groups[1:], 5, 8, false)
	if err != nil {
		return fail("Invalid padding in Bech32 data section")
	}
	size := fmt.Sprintf("%d byte", len(program))
	if len(program) != 1 {
		size += "s"
	}
	switch {
	case version == 0 && len(program) != 20 && len(program) != 32:
		return fail(fmt.Sprintf("Invalid Bech32 v0 address program size (%s), per BIP141", size))
	case version > 16:
		return fail("Invalid Bech32 address witness version")
	case len(program) < 2 || len(program) > 40:
		return fail(fmt.Sprintf("Invalid Bech32 address program size (%s)", size))
	}
	op := byte(txscript.OP_0)
	if version > 0 {
		op = txscript.OP_1 + version - 1
	}
	return append([]byte{op, byte(len(program))}, program...), nil
}
