package feerate_test

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/feerate"
)

// someHistory is a file with something in it.
func someHistory() []byte {
	h := &history{draw: 7, e: feerate.New(), vsize: 104, height: 1000}
	h.e.Connect(1000, nil)
	for range 30 {
		h.block()
	}
	return h.e.Append(nil)
}

func TestFileIsReadAsItWasWritten(t *testing.T) {
	raw := someHistory()
	e, err := feerate.Read(raw)
	require.NoError(t, err)
	require.Equal(t, uint32(1030), e.Best())
	require.Equal(t, raw, e.Append(nil))
	rate, of := e.Smart(6, false)
	require.NotZero(t, rate)
	require.Equal(t, 6, of)
}

// Positions in a file: the averages of the medium horizon come first.
const (
	atVersion = 0
	atBest    = 4
	atFirst   = 8
	atLast    = 12
	atBuckets = 16
	buckets   = 237
	atDecay   = atBuckets + 1 + 8*buckets
	atScale   = atDecay + 8
	atRates   = atScale + 4
	atCount   = atRates + 1 + 8*buckets
	atPeriods = atCount + 1 + 8*buckets
	atFailed  = atPeriods + 1 + 24*(1+8*buckets)
)

func u32(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }

func double(v float64) []byte { return binary.LittleEndian.AppendUint64(nil, math.Float64bits(v)) }

func TestHostileFilesAreRefused(t *testing.T) {
	good := someHistory()
	const corrupt = "Corrupt estimates file. "
	for _, c := range []struct {
		at   int
		with []byte
		text string
	}{
		{atVersion, u32(309901), "File version (309901) too high to be read."},
		{atVersion, u32(149900), "File version (149900) incompatible: Too old to be read"},
		{atFirst, u32(2000), corrupt + "Historical block range for estimates is invalid"},
		{atLast, u32(1031), corrupt + "Historical block range for estimates is invalid"},
		{atBest, u32(1000), corrupt + "Historical block range for estimates is invalid"},
		{atBuckets, []byte{1}, corrupt + "Must have between 2 and 1000 feerate buckets"},
		{atBuckets, []byte{0xfd, 0xe9, 3}, corrupt + "Must have between 2 and 1000 feerate buckets"},
		{atBuckets, []byte{0xfd, 0xfc, 0}, "non-canonical ReadCompactSize(): iostream error"},
		{atBuckets, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, "ReadCompactSize(): size too large: iostream error"},
		{atBuckets + 1, double(1e6), corrupt + "Feerate buckets must ascend"},
		{atDecay, double(1), corrupt + "Decay must be between 0 and 1 (non-inclusive)"},
		{atDecay, double(math.NaN()), corrupt + "Decay must be between 0 and 1 (non-inclusive)"},
		{atScale, u32(0), corrupt + "Scale must be non-zero"},
		{atScale, u32(43), corrupt + " Must maintain estimates for between 1 and 1008 (one week) confirms"},
		{atScale, u32(math.MaxUint32), corrupt + " Must maintain estimates for between 1 and 1008 (one week) confirms"},
		{atScale, u32(42), ""}, // a medium horizon as long as the long one
		{atRates, []byte{236}, corrupt + "Mismatch in feerate average bucket count"},
		{atRates + 1, double(math.Inf(1)), corrupt + "Averages must be finite and not negative"},
		{atRates + 1, double(-1), corrupt + "Averages must be finite and not negative"},
		{atCount, []byte{238}, corrupt + "Mismatch in tx count bucket count"},
		{atPeriods, []byte{0}, corrupt + " Must maintain estimates for between 1 and 1008 (one week) confirms"},
		{atPeriods + 1, []byte{1}, corrupt + "Mismatch in feerate conf average bucket count"},
		{atFailed, []byte{23}, corrupt + "Mismatch in confirms tracked for failures"},
		{atFailed + 1, []byte{0xfe, 0, 0, 0, 1}, corrupt + "Mismatch in one of failure average bucket counts"},
	} {
		bad := append([]byte{}, good...)
		copy(bad[c.at:], c.with)
		_, err := feerate.Read(bad)
		if c.text == "" {
			require.NoError(t, err)
			continue
		}
		require.EqualError(t, err, c.text, "at %d", c.at)
	}
	for cut := 0; cut < len(good); cut += 1 + len(good)/500 {
		_, err := feerate.Read(good[:cut])
		require.EqualError(t, err, "AutoFile::read: end of file: iostream error", "cut at %d", cut)
	}
}

// TestALongerHorizonMustKnowMore, as estimates ask it for what a shorter one knows.
func TestALongerHorizonMustKnowMore(t *testing.T) {
	bad := someHistory()
	copy(bad[atScale:], u32(42))
	atLong := atFailed + 1 + 24*(1+8*buckets) + 12 + 2*(1+8*buckets) + 2*(1+12*(1+8*buckets))
	copy(bad[atLong+8:], u32(1))
	_, err := feerate.Read(bad)
	require.EqualError(t, err, "Corrupt estimates file. A longer horizon must count more confirms")
}

// Whatever is read answers all questions, takes in what follows, and is written as it was.
func FuzzRead(f *testing.F) {
	f.Add(smallFile())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := feerate.Read(raw)
		if err != nil {
			return
		}
		require.Equal(t, raw[:len(e.Append(nil))], e.Append(nil))
		e.Enter(chainhash.Hash{1}, e.Best(), math.MaxInt64)
		e.Enter(chainhash.Hash{2}, e.Best(), 0)
		e.Connect(e.Best()+1, []feerate.Confirmed{{ID: chainhash.Hash{1}, Height: e.Best(), Rate: math.MaxInt64}})
		for _, target := range []int{0, 1, 2, 3, 100, 1008, 1009} {
			for h := feerate.Short; h <= feerate.Long; h++ {
				_, result := e.Raw(target, .5, h)
				require.False(t, math.IsNaN(result.Median))
			}
			rate, _ := e.Smart(target, true)
			require.GreaterOrEqual(t, rate, int64(0))
		}
		e.GiveUp()
	})
}

// smallFile has two buckets and a period a horizon, for what a fuzzer does with it.
func smallFile() []byte {
	raw := append(u32(309900), u32(50)...)
	raw = append(append(raw, u32(10)...), u32(50)...)
	list := func(values ...float64) {
		raw = append(raw, byte(len(values)))
		for _, v := range values {
			raw = append(raw, double(v)...)
		}
	}
	list(1000, 2000)
	for _, scale := range []uint32{2, 1, 3} { // the medium horizon comes first
		raw = append(append(raw, double(.9)...), u32(scale)...)
		list(90_000, 1500)
		list(100, 1)
		for range 2 {
			raw = append(raw, 1)
			list(99, 1)
		}
	}
	return raw
}

func TestSmallFileIsOne(t *testing.T) {
	e, err := feerate.Read(smallFile())
	require.NoError(t, err)
	require.Equal(t, []int{1, 2, 3}, []int{e.MaxTarget(feerate.Short), e.MaxTarget(feerate.Medium), e.MaxTarget(feerate.Long)})
	require.Equal(t, smallFile(), e.Append(nil))
}
