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

func key() [32]byte { return [32]byte{1} }

// consistent asserts what holds of every book.
func consistent(t *testing.T, b *Book) {
	t.Helper()
	require.Len(t, b.entries, len(b.list))
	fresh, tried := b.Places()
	refs := map[p2p.Endpoint]int{}
	for _, p := range fresh {
		refs[p.Address]++
		require.False(t, p.Tried)
		require.Equal(t, place{p.Bucket, p.Index}, b.placeIn(p.Address, p.Bucket, true))
	}
	for _, p := range tried {
		require.True(t, p.Tried)
		require.Equal(t, place{p.Bucket, p.Index}, b.triedPlace(p.Address))
		require.Zero(t, refs[p.Address])
		refs[p.Address] = 0
	}
	require.Len(t, refs, len(b.list))
	for i, s := range b.list {
		require.Equal(t, i, s.position)
		require.Equal(t, refs[s.Address], s.refs)
		require.Same(t, s, b.entries[s.Address])
	}
	for _, table := range []*table{&b.fresh, &b.tried} {
		for _, bucket := range table.filled {
			require.NotZero(t, table.held[bucket])
		}
		total := 0
		for _, n := range table.held {
			total += n
		}
		if table == &b.fresh {
			require.Equal(t, len(fresh), total)
		} else {
			require.Equal(t, len(tried), total)
		}
	}
}

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
	b, rnd := New(key(), Groups{}), random()
	for i := range 90_000 {
		b.Add(entryAt(i), 0, rnd, clock())
	}
	require.Less(t, b.Len(), newBuckets*bucketSize)
	require.Greater(t, b.Len(), newBuckets*bucketSize/3)
	consistent(t, b)
}

func TestOneSourceCannotFillTheBook(t *testing.T) {
	b, rnd := New(key(), Groups{}), random()
	for i := range 30_000 {
		e := entryAt(i)
		e.Source = p2p.HostOf(netip.MustParseAddr("9.9.9.9"))
		b.Add(e, 0, rnd, clock())
	}
	require.LessOrEqual(t, b.Len(), sourceBuckets*bucketSize)
	require.True(t, b.Add(entryAt(100_000), 0, rnd, clock()), "another source is heard")
	consistent(t, b)
}

// TestOneNetworkCannotFillTheTried, whoever tells of it.
func TestOneNetworkCannotFillTheTried(t *testing.T) {
	b, rnd := New(key(), Groups{}), random()
	for i := range 3 * groupBuckets * bucketSize {
		a := p2p.Endpoint{Host: p2p.HostOf(netip.AddrFrom4([4]byte{8, 8, byte(i >> 8), byte(i)})), Port: 8333}
		b.Add(Entry{Address: a, Source: entryAt(i).Source, Seen: clock()}, 0, rnd, clock())
		b.Good(a, 9, clock())
	}
	_, tried := b.Places()
	require.LessOrEqual(t, len(tried), groupBuckets*bucketSize)
	require.Greater(t, len(tried), groupBuckets*bucketSize/2)
	consistent(t, b)
}

func TestWhatIsNotKept(t *testing.T) {
	b, rnd := New(key(), Groups{}), random()
	for _, text := range []string{"127.0.0.1:8333", "10.0.0.1:8333", "1.2.3.4:0", ""} {
		require.False(t, b.Add(Entry{Address: p2p.ParseEndpoint(text), Seen: clock()}, 0, rnd, clock()), text)
	}
	i2p := p2p.ParseEndpoint("c4gfnttsuwqomiygupdqqqyy5y5emnk5c73hrfvatri67prd7vyq.b32.i2p:0")
	require.True(t, b.Add(Entry{Address: i2p, Seen: clock()}, 0, rnd, clock()), "its network has no ports")
	require.False(t, b.Good(p2p.ParseEndpoint("1.2.3.4:1"), 9, clock()))
	b.Attempted(p2p.ParseEndpoint("1.2.3.4:1"), clock())
	b.Forgive(p2p.ParseEndpoint("1.2.3.4:1"))
	require.Equal(t, 1, b.Len())
}

// TestWhatOthersTellIsNotNews: it is older than they say, and services only add up.
func TestWhatOthersTellIsNotNews(t *testing.T) {
	b, rnd := New(key(), Groups{}), random()
	a := addressAt(1)
	told := Entry{Address: a, Source: addressAt(2).Host, Services: 1, Seen: clock().Add(-time.Hour)}
	require.True(t, b.Add(told, 2*time.Hour, rnd, clock()))
	seen := func() time.Time { return b.entries[a].Seen }
	require.Equal(t, clock().Add(-3*time.Hour), seen())
	require.False(t, b.Add(told, 2*time.Hour, func() uint64 { return 1 }, clock()))
	require.Equal(t, clock().Add(-3*time.Hour), seen(), "an hour is no news")
	told.Seen, told.Services = clock().Add(time.Hour), 8
	require.False(t, b.Add(told, 2*time.Hour, func() uint64 { return 1 }, clock()))
	require.Equal(t, clock().Add(-time.Hour), seen())
	require.EqualValues(t, 9, b.entries[a].Services)
	own := Entry{Address: addressAt(7), Source: addressAt(7).Host, Seen: clock()}
	require.True(t, b.Add(own, 2*time.Hour, rnd, clock()))
	require.Equal(t, clock(), b.entries[addressAt(7)].Seen, "who tells of itself is believed")
}

// TestSourcesAddUp: an address that many tell of gets more places, each with half the
// chance of the one before.
func TestSourcesAddUp(t *testing.T) {
	b, rnd := New(key(), Groups{}), random()
	e := entryAt(1)
	for i := range 5000 {
		e.Source, e.Seen = addressAt(i).Host, e.Seen.Add(time.Second)
		b.Add(e, 0, rnd, clock())
	}
	require.Equal(t, 1, b.Len())
	fresh, _ := b.Places()
	require.Equal(t, maxRefs, len(fresh))
	consistent(t, b)
	require.True(t, b.Good(e.Address, 9, clock()))
	fresh, tried := b.Places()
	require.Empty(t, fresh)
	require.Len(t, tried, 1)
	require.False(t, b.Good(e.Address, 9, clock()), "it is already")
	consistent(t, b)
}

// TestFailuresCountOnce until something succeeds: it may be us who have no network.
func TestFailuresCountOnce(t *testing.T) {
	b, rnd := New(key(), Groups{}), random()
	a := addressAt(1)
	b.Add(entryAt(1), 0, rnd, clock())
	b.Add(entryAt(2), 0, rnd, clock())
	attempts := func() int { return b.entries[a].Attempts }
	b.Attempted(a, clock())
	b.Attempted(a, clock())
	require.Equal(t, 1, attempts())
	b.Good(addressAt(2), 9, clock().Add(time.Second))
	b.Attempted(a, clock().Add(2*time.Second))
	b.Attempted(a, clock().Add(3*time.Second))
	require.Equal(t, 2, attempts())
	b.Forgive(a)
	require.Equal(t, 2, attempts(), "the last one did not count")
	require.Equal(t, clock().Add(2*time.Second), b.entries[a].LastTry)
	b.Good(addressAt(2), 9, clock().Add(5*time.Second))
	b.Attempted(a, clock().Add(6*time.Second))
	require.Equal(t, 3, attempts())
	b.Forgive(a)
	b.Forgive(a)
	require.Equal(t, 2, attempts(), "once")
	require.Equal(t, clock().Add(2*time.Second), b.entries[a].LastTry)
	b.Attempted(a, clock().Add(7*time.Second))
	require.Equal(t, 3, attempts(), "what was forgiven leaves room for another")
}

// collision makes two addresses whose place among the tried is the same.
func collision(t *testing.T, b *Book) (first, second p2p.Endpoint) {
	t.Helper()
	seen := map[place]p2p.Endpoint{}
	for i := range 100_000 {
		a := addressAt(i)
		if !a.Host.Routable() {
			continue
		}
		at := b.triedPlace(a)
		if other, ok := seen[at]; ok {
			b.Add(Entry{Address: other, Source: other.Host, Seen: clock()}, 0, random(), clock())
			b.Add(Entry{Address: a, Source: a.Host, Seen: clock()}, 0, random(), clock())
			return other, a
		}
		seen[at] = a
	}
	require.Fail(t, "no collision")
	return first, second
}

// TestAPlaceAmongTheTriedIsNotTaken from who works, only from who has failed, or was
// not tried for too long.
func TestAPlaceAmongTheTriedIsNotTaken(t *testing.T) {
	for name, tt := range map[string]struct {
		held, tested time.Duration // before the newcomer succeeded, after it; 0 for not
		later        time.Duration // when it is decided
		replaced     bool
		decided      bool
	}{
		"worked lately":        {held: time.Hour, later: time.Minute, decided: true},
		"failed":               {held: 5 * time.Hour, tested: time.Minute, later: 5*time.Minute + time.Second, replaced: true, decided: true},
		"is being tried":       {held: 5 * time.Hour, tested: 5 * time.Minute, later: 5*time.Minute + time.Second},
		"waits to be tried":    {held: 5 * time.Hour, later: 30 * time.Minute},
		"was not tried at all": {held: 5 * time.Hour, later: 41 * time.Minute, replaced: true, decided: true},
	} {
		b := New(key(), Groups{})
		holder, newcomer := collision(t, b)
		require.True(t, b.Good(holder, 9, clock().Add(-tt.held)))
		require.False(t, b.Good(newcomer, 9, clock()))
		e, ok := b.Contested(random())
		require.True(t, ok)
		require.Equal(t, holder, e.Address)
		if tt.tested > 0 {
			b.Attempted(holder, clock().Add(tt.tested))
		}
		b.Resolve(clock().Add(tt.later))
		require.Equal(t, tt.replaced, b.entries[newcomer].Tried, name)
		require.Equal(t, !tt.replaced, b.entries[holder].Tried, name)
		require.Equal(t, tt.decided, len(b.waiting) == 0, name)
		consistent(t, b)
	}
}

func TestSelectPrefersWhatWorks(t *testing.T) {
	b, rnd := New(key(), Groups{}), random()
	for i := range 20 {
		require.True(t, b.Add(entryAt(4*i), 0, rnd, clock()), i)
	}
	b.Good(addressAt(28), wire.SFNodeNetwork|wire.SFNodeWitness, clock().Add(-time.Hour))
	for i := range 20 {
		if i != 7 {
			b.Attempted(addressAt(4*i), clock().Add(-2*time.Hour))
		}
	}
	chosen := map[p2p.Endpoint]int{}
	for range 1000 {
		if e, ok := b.Select(rnd, clock(), func(Entry) bool { return true }); ok {
			chosen[e.Address]++
		}
	}
	require.Greater(t, chosen[addressAt(28)], 400)
	require.Greater(t, len(chosen), 10)
	_, ok := b.Select(rnd, clock(), func(Entry) bool { return false })
	require.False(t, ok)
	_, ok = New(key(), Groups{}).Select(rnd, clock(), func(Entry) bool { return true })
	require.False(t, ok)
}

func TestSampleLeavesOutTheDead(t *testing.T) {
	b, rnd := New(key(), Groups{}), random()
	for i := range 100 {
		e := entryAt(4 * i)
		if i%2 == 0 {
			e.Seen = clock().Add(-2 * horizon)
		}
		b.Add(e, 0, rnd, clock())
	}
	require.Len(t, b.Sample(rnd, clock(), 1000, 0), 50)
	require.Len(t, b.Sample(rnd, clock(), 1000, 23), 23)
}

// where lists who is where.
func where(list []Place) (places map[place]p2p.Endpoint) {
	places = map[place]p2p.Endpoint{}
	for _, p := range list {
		places[place{p.Bucket, p.Index}] = p.Address
	}
	return places
}

func TestFileRoundTrip(t *testing.T) {
	b, rnd := New(key(), Groups{}), random()
	for i := range 3000 {
		e := entryAt(i)
		b.Add(e, 0, rnd, clock())
		if i%3 == 0 {
			b.Good(e.Address, 9, clock())
		}
	}
	for _, text := range []string{"[2a00::1]:5", onion, "c4gfnttsuwqomiygupdqqqyy5y5emnk5c73hrfvatri67prd7vyq.b32.i2p:0"} {
		b.Add(Entry{Address: p2p.ParseEndpoint(text), Source: p2p.ParseEndpoint(onion).Host, Seen: clock()}, 0, rnd, clock())
	}
	raw := b.Encode(uint32(wire.TestNet))
	again, err := Decode(raw, uint32(wire.TestNet), Groups{})
	require.NoError(t, err)
	require.Equal(t, b.Len(), again.Len())
	for a, s := range b.entries {
		got := again.entries[a]
		require.NotNil(t, got)
		require.Equal(t, s.Tried, got.Tried)
		require.Equal(t, s.Services, got.Services)
		require.Equal(t, s.Seen.Unix(), got.Seen.Unix())
		require.Equal(t, s.LastSuccess.IsZero(), got.LastSuccess.IsZero())
		require.Equal(t, s.Source, got.Source)
	}
	fresh, tried := b.Places()
	freshAgain, triedAgain := again.Places()
	require.Equal(t, where(fresh), where(freshAgain))
	require.Equal(t, where(tried), where(triedAgain))
	consistent(t, again)
	_, err = Decode(raw, uint32(wire.MainNet), Groups{})
	require.ErrorContains(t, err, "magic")
	for _, i := range []int{0, 5, 60, len(raw) / 2, len(raw) - 1} {
		broken := append([]byte{}, raw...)
		broken[i] ^= 1
		_, err = Decode(broken, uint32(wire.TestNet), Groups{})
		require.Error(t, err)
	}
}

// FuzzDecode gives arbitrary bodies a right checksum.
func FuzzDecode(f *testing.F) {
	b, rnd := New(key(), Groups{}), random()
	for i := range 3 {
		b.Add(entryAt(i), 0, rnd, clock())
	}
	raw := b.Encode(uint32(wire.TestNet))
	f.Add(raw[:len(raw)-checksumSize])
	f.Add(raw[:100])
	f.Fuzz(func(t *testing.T, body []byte) {
		sum := doubleHash(body)
		book, err := Decode(append(append([]byte{}, body...), sum[:]...), uint32(wire.TestNet), Groups{})
		if err != nil {
			return
		}
		again, err := Decode(book.Encode(uint32(wire.TestNet)), uint32(wire.TestNet), Groups{})
		consistent(t, book)
		if err != nil || again.Len() != book.Len() {
			t.Fatalf("read %d addresses, wrote and read again %v: %v", book.Len(), again, err)
		}
	})
}
