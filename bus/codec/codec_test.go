package codec_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/codec"
)

func TestHeaderRoundTrip(t *testing.T) {
	h := codec.Header{Kind: codec.Call, ID: 7, To: "node.chain.tip", Deadline: 123456789, Trace: 1 << 63, Target: "node"}
	frame, err := codec.EncodeHeader(&h)
	require.NoError(t, err)
	got, err := codec.DecodeHeader(frame)
	require.NoError(t, err)
	require.Equal(t, h, got)
}

func TestHashesAreByteStrings(t *testing.T) {
	frame, err := codec.Marshal(chainhash.Hash{1, 2})
	require.NoError(t, err)
	require.Equal(t, []byte{0x58, 32, 1, 2}, frame[:4])
}

func TestHostileBodiesAreRefused(t *testing.T) {
	for name, body := range map[string][]byte{
		"empty":             {},
		"trailing bytes":    {0xa0, 0x00},
		"deep nesting":      bytes.Repeat([]byte{0x81}, 100),
		"huge array":        {0x9b, 0, 0, 0, 1, 0, 0, 0, 0},
		"huge map":          {0xbb, 0, 0, 0, 1, 0, 0, 0, 0},
		"indefinite length": {0x9f, 0x01, 0xff},
		"duplicate keys":    {0xa2, 0x01, 0x01, 0x01, 0x02},
		"tag":               {0xc0, 0x60},
	} {
		var v any
		require.Error(t, codec.Unmarshal(body, &v), name)
	}
	_, err := codec.EncodeHeader(&codec.Header{Kind: codec.Call, To: strings.Repeat("x", codec.MaxHeader)})
	require.Error(t, err)
	for _, h := range []codec.Header{{Kind: 0}, {Kind: 200}} {
		frame, err := codec.EncodeHeader(&h)
		require.NoError(t, err)
		_, err = codec.DecodeHeader(frame)
		require.ErrorContains(t, err, "kind")
	}
}

func FuzzDecodeHeader(f *testing.F) {
	for _, h := range []codec.Header{
		{Kind: codec.Hello}, {Kind: codec.Call, ID: 1, To: "node.chain.tip", Deadline: 1},
		{Kind: codec.Error, ID: 9, Fault: "gone", Text: "x"}, {Kind: codec.Event, Gap: 3},
	} {
		frame, err := codec.EncodeHeader(&h)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(frame)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		h, err := codec.DecodeHeader(frame)
		if err != nil {
			return
		}
		again, err := codec.EncodeHeader(&h)
		if err != nil {
			return // what it decodes to may be longer than what came
		}
		got, err := codec.DecodeHeader(again)
		if err != nil || got != h {
			t.Fatalf("%v became %v: %v", h, got, err)
		}
	})
}
