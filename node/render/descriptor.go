package render

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/address"
)

// Characters of descriptors in three groups, and of their checksums.
const (
	descriptorChars = "0123456789()[],'/*abcdefgh@:$%{}" +
		"IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~" +
		"ijklmnopqrstuvwxyzABCDEFGH`#\"\\ "
	checksumChars = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
)

func polymod(c uint64, value int) uint64 {
	top := c >> 35
	c = (c&0x7ffffffff)<<5 ^ uint64(value)
	for i, g := range [5]uint64{0xf5dee51989, 0xa9fdca3312, 0x1bab10e32d, 0x3706b1677a, 0x644d626ffd} {
		if top>>i&1 != 0 {
			c ^= g
		}
	}
	return c
}

// Checksum returns the eight characters that follow "#" (BIP380); "" if the
// text has characters that descriptors do not have.
func Checksum(text string) string {
	c, class, count := uint64(1), 0, 0
	for _, r := range text {
		at := strings.IndexRune(descriptorChars, r)
		if at < 0 {
			return ""
		}
		c = polymod(c, at&31)
		class = class*3 + at>>5
		if count++; count == 3 {
			c = polymod(c, class)
			class, count = 0, 0
		}
	}
	if count > 0 {
		c = polymod(c, class)
	}
	for range 8 {
		c = polymod(c, 0)
	}
	c ^= 1
	sum := make([]byte, 8)
	for i := range sum {
		sum[i] = checksumChars[c>>(5*(7-i))&31]
	}
	return string(sum)
}

// Descriptor describes an output script by what can be seen of it.
func Descriptor(script []byte, net *chaincfg.Params) string {
	text := describe(script, net)
	return text + "#" + Checksum(text)
}

func describe(script []byte, net *chaincfg.Params) string {
	if txscript.IsPayToPubKey(script) {
		if key := script[1 : len(script)-1]; validKey(key) {
			return "pk(" + hex.EncodeToString(key) + ")"
		}
	}
	if multisig, err := txscript.IsMultisigScript(script); err == nil && multisig {
		if text := describeMultisig(script); text != "" {
			return text
		}
	}
	if txscript.IsPayToTaproot(script) {
		if key := append([]byte{2}, script[2:]...); validKey(key) {
			return "rawtr(" + hex.EncodeToString(script[2:]) + ")"
		}
	}
	if address := address.Of(script, net); address != "" {
		return "addr(" + address + ")"
	}
	return "raw(" + hex.EncodeToString(script) + ")"
}

func validKey(key []byte) bool {
	_, err := btcec.ParsePubKey(key)
	return err == nil
}

func describeMultisig(script []byte) string {
	_, needed, err := txscript.CalcMultiSigStats(script)
	if err != nil {
		return ""
	}
	keys, err := txscript.PushedData(script)
	if err != nil {
		return ""
	}
	text := fmt.Sprintf("multi(%d", needed)
	for _, key := range keys {
		if !validKey(key) {
			return ""
		}
		text += "," + hex.EncodeToString(key)
	}
	return text + ")"
}
