package psbt_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/psbt"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/sign"
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

// TestFinalVectors: Bitcoin Core completes the same. Four are of keys that sign together, in
// the key path and in a leaf, as they are and derived (BIP373).
func TestFinalVectors(t *testing.T) {
	var complete []int
	for i, v := range vectors(t) {
		if p, err := psbt.Parse(v.raw(t)); err == nil && p.Finalize(engine) {
			complete = append(complete, i)
		}
	}
	require.Equal(t, []int{27, 28, 29, 39, 40, 103, 107, 110, 113, 116, 119}, complete)
}

// TestSignaturesTogetherNeedAll: one that lacks or is another's completes nothing.
func TestSignaturesTogetherNeedAll(t *testing.T) {
	for _, i := range []int{110, 113, 116, 119} {
		for change, apply := range map[string]func(in *psbt.Input, key sign.MuSigKey){
			"":                     func(*psbt.Input, sign.MuSigKey) {},
			"no partial signature": func(in *psbt.Input, key sign.MuSigKey) { delete(in.Partials, key) },
			"no nonce":             func(in *psbt.Input, key sign.MuSigKey) { delete(in.Nonces, key) },
			"another signature":    func(in *psbt.Input, key sign.MuSigKey) { in.Partials[key] = bytes.Repeat([]byte{1}, 32) },
			"no number":            func(in *psbt.Input, key sign.MuSigKey) { in.Partials[key] = bytes.Repeat([]byte{0xff}, 32) },
			"no point":             func(in *psbt.Input, key sign.MuSigKey) { in.Nonces[key] = bytes.Repeat([]byte{0xff}, 66) },
			"no participants":      func(in *psbt.Input, _ sign.MuSigKey) { clear(in.Participants) },
		} {
			p, err := psbt.Parse(vectors(t)[i].raw(t))
			require.NoError(t, err)
			require.NotEmpty(t, p.Inputs[0].Partials)
			// Some have been put together already.
			p.Inputs[0].KeySignature, p.Inputs[0].ScriptSignatures = nil, nil
			// One of each group: a packet may have several ways.
			done := map[string]bool{}
			for _, key := range psbt.SortedKeys(p.Inputs[0].Partials, sign.MuSigKey.Compare) {
				group := key.Aggregate + string(key.Leaf[:])
				if !done[group] {
					apply(p.Inputs[0], key)
				}
				done[group] = true
			}
			require.Equal(t, change == "", p.Finalize(engine), "%d: %s", i, change)
		}
	}
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
