package addrbook

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

func clock() time.Time { return time.Unix(1_700_000_000, 0) }

func random() func() uint64 { return rand.New(rand.NewPCG(1, 2)).Uint64 }

// addressAt spreads addresses over many groups.
func addressAt(i int) p2p.Endpoint {
	var ip [4]byte
	binary.BigEndian.PutUint32(ip[:], uint32(i)*65536/4+1<<25)
	return p2p.Endpoint{Host: p2p.HostOf(netip.AddrFrom4(ip)), Port: 8333}
}

func entryAt(i int) Entry {
	a := addressAt(i)
	return Entry{Address: a, Source: a.Host, Services: wire.SFNodeNetwork, Seen: clock()}
}

func TestBookIsBounded(t *testing.T) {
	b, rnd := New(), random()
	for i := range MaxAddresses + 500 {
		b.Add(entryAt(i), rnd, clock())
	}
	require.Equal(t, MaxAddresses, b.Len())
}

func TestOneSourceCannotFillTheBook(t *testing.T) {
	b, rnd := New(), random()
	for i := range 3 * maxPerSource {
		e := entryAt(i)
		e.Source = p2p.HostOf(netip.MustParseAddr("9.9.9.9"))
		b.Add(e, rnd, clock())
	}
	require.Equal(t, maxPerSource, b.Len())
	require.True(t, b.Add(entryAt(100_000), rnd, clock()), "another source is heard")
}

func TestSelectPrefersWhatWorks(t *testing.T) {
	b, rnd := New(), random()
	for i := range 20 {
		b.Add(entryAt(i), rnd, clock())
	}
	for i := range 20 {
		for range 5 {
			if i != 7 {
				b.Attempted(addressAt(i), clock().Add(-time.Hour))
			}
		}
	}
	b.Good(addressAt(7), wire.SFNodeNetwork|wire.SFNodeWitness, clock().Add(-time.Hour))
	chosen := map[p2p.Endpoint]int{}
	for range 1000 {
		if e, ok := b.Select(rnd, clock(), func(Entry) bool { return true }); ok {
			chosen[e.Address]++
		}
	}
	require.Greater(t, chosen[addressAt(7)], 500)
	_, ok := b.Select(rnd, clock(), func(Entry) bool { return false })
	require.False(t, ok)
}

func TestSampleLeavesOutTheDead(t *testing.T) {
	b, rnd := New(), random()
	for i := range 100 {
		e := entryAt(i)
		if i%2 == 0 {
			e.Seen = clock().Add(-2 * horizon)
		}
		b.Add(e, rnd, clock())
	}
	require.Len(t, b.Sample(rnd, clock(), 1000, 0), 50)
	require.Len(t, b.Sample(rnd, clock(), 1000, 23), 23)
}

func TestFileRoundTrip(t *testing.T) {
	b, rnd := New(), random()
	for i := range 3000 {
		e := entryAt(i)
		b.Add(e, rnd, clock())
		if i%3 == 0 {
			b.Good(e.Address, 9, clock())
		}
	}
	b.Add(Entry{Address: p2p.ParseEndpoint("[2a00::1]:5"), Seen: clock()}, rnd, clock())
	raw := b.Encode(uint32(wire.TestNet), rnd)
	again, err := Decode(raw, uint32(wire.TestNet), clock())
	require.NoError(t, err)
	require.Equal(t, b.Len(), again.Len())
	for a, s := range b.entries {
		got := again.entries[a]
		require.NotNil(t, got)
		require.Equal(t, s.Tried, got.Tried)
		require.Equal(t, s.Services, got.Services)
		require.Equal(t, s.Seen.Unix(), got.Seen.Unix())
		require.Equal(t, s.LastSuccess.IsZero(), got.LastSuccess.IsZero())
	}
	_, err = Decode(raw, uint32(wire.MainNet), clock())
	require.ErrorContains(t, err, "magic")
	for _, i := range []int{0, 5, 60, len(raw) / 2, len(raw) - 1} {
		broken := append([]byte{}, raw...)
		broken[i] ^= 1
		_, err = Decode(broken, uint32(wire.TestNet), clock())
		require.ErrorIs(t, err, ErrCorrupt)
	}
}

// FuzzDecode gives arbitrary bodies a right checksum.
func FuzzDecode(f *testing.F) {
	b, rnd := New(), random()
	for i := range 3 {
		b.Add(entryAt(i), rnd, clock())
	}
	raw := b.Encode(uint32(wire.TestNet), rnd)
	f.Add(raw[:len(raw)-checksumSize])
	f.Add(raw[:100])
	f.Fuzz(func(t *testing.T, body []byte) {
		sum := doubleHash(body)
		book, err := Decode(append(append([]byte{}, body...), sum[:]...), uint32(wire.TestNet), clock())
		if err != nil {
			return
		}
		again, err := Decode(book.Encode(uint32(wire.TestNet), random()), uint32(wire.TestNet), clock())
		if err != nil || again.Len() > book.Len() {
			t.Fatalf("read %d addresses, wrote and read again %v: %v", book.Len(), again, err)
		}
	})
}
