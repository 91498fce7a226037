package codec_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/codec"
)

// headerOf is what a header reads as.
func headerOf(v codec.View) codec.Header {
	return codec.Header{
		Version: codec.Version, Kind: v.Kind, ID: v.ID, Deadline: v.Deadline, Trace: v.Trace, Gap: v.Gap, Credit: v.Credit,
		To: string(v.To), Target: string(v.Target), From: string(v.From), Role: string(v.Role),
		Fault: string(v.Fault), Text: string(v.Text),
	}
}

func headers() []codec.Header {
	return []codec.Header{
		{Kind: codec.Hello},
		{Kind: codec.Call, ID: 7, To: "node.chain.tip", Deadline: 123456789, Trace: 1 << 63, Target: "node"},
		{Kind: codec.Call, ID: 1 << 20, To: "x", Deadline: -5, From: "worker.1", Role: "worker", Credit: 64},
		{Kind: codec.Error, ID: 300, Fault: "gone", Text: strings.Repeat("x", 300)},
		{Kind: codec.Event, Gap: 1 << 40, To: "node.tip", ID: 23},
		{Kind: codec.Drain, ID: 24},
	}
}

func TestHeaderRoundTrip(t *testing.T) {
	for _, h := range headers() {
		frame, err := codec.EncodeHeader(&h)
		require.NoError(t, err)
		h.Version = codec.Version
		library, err := codec.Marshal(h)
		require.NoError(t, err)
		require.Equal(t, library, frame)
		got, err := codec.DecodeHeader(frame)
		require.NoError(t, err)
		require.Equal(t, h, headerOf(got))
	}
}

func TestHeadersOfOtherFormsAreRead(t *testing.T) {
	for name, frame := range map[string][]byte{
		"an unknown key":       {0xa4, 1, 1, 2, 1, 3, 7, 0x18, 99, 0x61, 'x'},
		"keys out of order":    {0xa3, 3, 7, 2, 1, 1, 1},
		"a number in 8 bytes":  {0xa3, 1, 1, 2, 1, 3, 0x1b, 0, 0, 0, 0, 0, 0, 0, 7},
		"a long key":           {0xa3, 0x18, 1, 1, 2, 1, 3, 7},
		"a text key to ignore": {0xa4, 1, 1, 2, 1, 3, 7, 0x61, 'k', 0xf6},
	} {
		h, err := codec.DecodeHeader(frame)
		require.NoError(t, err, name)
		require.EqualValues(t, 7, h.ID, name)
	}
	for name, frame := range map[string][]byte{
		"a key twice":       {0xa3, 1, 1, 2, 1, 2, 1},
		"a byte too many":   {0xa2, 1, 1, 2, 1, 0},
		"invalid UTF-8":     {0xa3, 1, 1, 2, 3, 4, 0x61, 0xff},
		"a text too short":  {0xa3, 1, 1, 2, 3, 4, 0x63, 'a'},
		"an indefinite map": {0xbf, 1, 1, 2, 1, 0xff},
	} {
		_, err := codec.DecodeHeader(frame)
		require.Error(t, err, name)
	}
}

func TestPassingHeadersAllocateNothing(t *testing.T) {
	h := headers()[1]
	buf := make([]byte, 0, 256)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		frame, err := codec.AppendHeader(buf, &h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := codec.DecodeHeader(frame); err != nil {
			t.Fatal(err)
		}
	}))
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

// FuzzDecodeHeader: what is read without the CBOR library reads the same with
// it, and is written as the library writes it.
func FuzzDecodeHeader(f *testing.F) {
	for _, h := range headers() {
		frame, err := codec.EncodeHeader(&h)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(frame)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		v, err := codec.DecodeHeader(frame)
		var reference codec.Header
		referenceErr := codec.Unmarshal(frame, &reference)
		if err != nil {
			if referenceErr == nil && len(frame) <= codec.MaxHeader && reference.Version == codec.Version &&
				reference.Kind >= codec.Hello && reference.Kind <= codec.Drain {
				t.Fatalf("%v is refused: %v", reference, err)
			}
			return
		}
		if h := headerOf(v); referenceErr != nil || h != reference {
			t.Fatalf("%v, want %v: %v", h, reference, referenceErr)
		}
		again, err := codec.EncodeHeader(&reference)
		if err != nil {
			return // what it decodes to may be longer than what came
		}
		library, err := codec.Marshal(reference)
		if err != nil || !bytes.Equal(again, library) {
			t.Fatalf("%x, want %x: %v", again, library, err)
		}
	})
}

func BenchmarkHeader(b *testing.B) {
	h := headers()[1]
	buf := make([]byte, 0, 256)
	b.ReportAllocs()
	for b.Loop() {
		frame, err := codec.AppendHeader(buf, &h)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := codec.DecodeHeader(frame); err != nil {
			b.Fatal(err)
		}
	}
}
