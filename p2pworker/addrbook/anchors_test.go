package addrbook

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

func anchorsAt(texts ...string) (list []p2p.NetAddr) {
	for i, text := range texts {
		list = append(list, p2p.ParseEndpoint(text).NetAddr(9, int64(1_700_000_000+i)))
	}
	return list
}

const onion = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333"

func TestAnchorsRoundTrip(t *testing.T) {
	for _, list := range [][]p2p.NetAddr{nil, anchorsAt("1.2.3.4:8333"), anchorsAt(onion, "[2a00::1]:1")} {
		got, err := DecodeAnchors(EncodeAnchors(7, list), 7)
		require.NoError(t, err)
		require.Equal(t, list, got)
	}
	got, err := DecodeAnchors(EncodeAnchors(7, anchorsAt("1.1.1.1:1", "2.2.2.2:2", "3.3.3.3:3")), 7)
	require.NoError(t, err)
	require.Equal(t, anchorsAt("1.1.1.1:1", "2.2.2.2:2"), got, "two at most")
}

// withSum makes a file of a body.
func withSum(body string) []byte {
	sum := doubleHash([]byte(body))
	return append([]byte(body), sum[:]...)
}

func TestAnchorsThatAreNone(t *testing.T) {
	whole := EncodeAnchors(7, anchorsAt(onion))
	for _, raw := range [][]byte{
		nil, whole[:40], append([]byte{1}, whole...),
		withSum("\x08\x00\x00\x00\x00"), withSum("\x07\x00\x00\x00\x03"), withSum("\x07\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
		withSum("\x07\x00\x00\x00\x01"), withSum("\x07\x00\x00\x00\x00more"),
	} {
		_, err := DecodeAnchors(raw, 7)
		require.Error(t, err, "%x", raw)
	}
}

// FuzzDecodeAnchors: what a file with the right sum holds is bounded, and written the
// same way it is read again.
func FuzzDecodeAnchors(f *testing.F) {
	for _, list := range [][]p2p.NetAddr{nil, anchorsAt(onion, "1.2.3.4:8333")} {
		raw := EncodeAnchors(7, list)
		f.Add(raw[:len(raw)-32])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		list, err := DecodeAnchors(withSum(string(body)), 7)
		if err != nil {
			return
		}
		if len(list) > MaxAnchors {
			t.Fatalf("%d anchors", len(list))
		}
		again, err := DecodeAnchors(EncodeAnchors(7, list), 7)
		require.NoError(t, err)
		require.Equal(t, list, again)
	})
}
