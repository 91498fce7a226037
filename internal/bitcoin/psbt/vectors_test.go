package psbt_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/psbt"
)

// vector is a packet of BIP174, 370, 371 or 373. Error is empty if the BIP calls it valid,
// and else what Bitcoin Core says of it.
type vector struct {
	BIP   int    `json:"bip"`
	PSBT  string `json:"psbt"`
	Error string `json:"error"`
}

func (v vector) raw(t testing.TB) []byte {
	raw, err := base64.StdEncoding.DecodeString(v.PSBT)
	require.NoError(t, err)
	return raw
}

func vectors(t testing.TB) (list []vector) {
	raw, err := os.ReadFile("testdata/bips.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &list))
	require.Len(t, list, 131)
	return list
}

func TestVectorsOfTheBIPs(t *testing.T) {
	valid := map[int]int{}
	for i, v := range vectors(t) {
		p, err := psbt.Parse(v.raw(t))
		if v.Error != "" {
			require.EqualError(t, err, v.Error, "%d of BIP%d", i, v.BIP)
			continue
		}
		require.NoError(t, err, "%d of BIP%d", i, v.BIP)
		valid[v.BIP]++
		again, err := psbt.Parse(p.Serialize())
		require.NoError(t, err)
		require.Equal(t, p.Serialize(), again.Serialize())
		if _, err := p.Unsigned(); err != nil {
			require.Equal(t, psbt.ErrInvalid, err)
			require.Equal(t, 370, v.BIP, "lock times of both kinds")
		}
	}
	require.Len(t, valid, 4, "each has some")
}

func TestWhatFollowsAPacketIsRefused(t *testing.T) {
	for _, v := range vectors(t) {
		if v.Error == "" {
			_, err := psbt.Parse(append(v.raw(t), 0))
			require.Equal(t, psbt.ErrExtra, err)
		}
	}
}

// FuzzParse: what is accepted is written, accepted again, and then written the same.
func FuzzParse(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.raw(f))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := psbt.Parse(raw)
		if err != nil {
			return
		}
		written := p.Serialize()
		again, err := psbt.Parse(written)
		require.NoError(t, err)
		require.Equal(t, written, again.Serialize())
		if again.Merge(p) {
			require.Equal(t, written, again.Serialize(), "it knows no more than itself")
		}
		p.Finalize(nil)
		_, err = psbt.Parse(p.Serialize())
		require.NoError(t, err)
		// What an analysis says of any packet is of no matter here.
		_, _ = again.Analyze(nil)
	})
}
