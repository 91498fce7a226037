package message_test

import (
	"bytes"
	"encoding/base64"
	"testing"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/message"
)

// TestKnownAnswers are keys, texts and signatures that Bitcoin Core answers with.
func TestKnownAnswers(t *testing.T) {
	for _, c := range []struct{ key, text, signature string }{
		{
			"cUeKHd5orzT3mz8P9pxyREHfsWtVfgsfDjiZZBcjUBAaGk1BTj7N", "This is just a test message",
			"INbVnW4e6PeRmsv2Qgu8NuopvrVjkcxob+sX8OcZG0SALhWybUjzMLPdAsXI46YZGb0KQTRii+wWIQzRpG/U+S0=",
		},
	} {
		wif, err := btcutil.DecodeWIF(c.key)
		require.NoError(t, err)
		signature := message.Sign(wif.PrivKey, wif.CompressPubKey, c.text)
		require.Equal(t, c.signature, base64.StdEncoding.EncodeToString(signature))
		keyHash := address.Hash160(wif.SerializePubKey())
		require.True(t, message.Verify(keyHash, signature, c.text))
		require.False(t, message.Verify(keyHash, signature, c.text+"."))
		require.False(t, message.Verify(address.Hash160(nil), signature, c.text))
	}
}

func TestBothFormsOfAKeySign(t *testing.T) {
	key, public := btcec.PrivKeyFromBytes([]byte{31: 9})
	short, long := address.Hash160(public.SerializeCompressed()), address.Hash160(public.SerializeUncompressed())
	for _, text := range []string{"", "a", string(make([]byte, 300))} {
		of := func(compressed bool) []byte { return message.Sign(key, compressed, text) }
		require.True(t, message.Verify(short, of(true), text))
		require.True(t, message.Verify(long, of(false), text))
		require.False(t, message.Verify(long, of(true), text))
		require.False(t, message.Verify(short, of(false), text))
	}
}

// TestTheHeaderIsThreeBits: Bitcoin Core takes no notice of the others.
func TestTheHeaderIsThreeBits(t *testing.T) {
	key, public := btcec.PrivKeyFromBytes([]byte{31: 9})
	keyHash := address.Hash160(public.SerializeCompressed())
	signature := message.Sign(key, true, "text")
	for range 256 / 8 {
		signature[0] += 8
		require.True(t, message.Verify(keyHash, signature, "text"))
	}
	signature[0] ^= 1
	require.False(t, message.Verify(keyHash, signature, "text"))
}

func FuzzVerify(f *testing.F) {
	f.Add([]byte{}, "")
	f.Add(make([]byte, message.SignatureBytes), "text")
	f.Add(bytes.Repeat([]byte{0xff}, message.SignatureBytes), "text")
	f.Fuzz(func(t *testing.T, signature []byte, text string) {
		require.False(t, message.Verify(make([]byte, 20), signature, text))
	})
}
