package vectors

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// Signature is one vector.
type Signature struct {
	ID      int    // its number in the file
	Comment string // the authors' words
	Flags   []string
	Valid   bool // what the file says

	Key     []byte // ECDSA: uncompressed (SEC 1); Schnorr: x only
	Sig     []byte
	Message []byte // ECDSA: its SHA256, which is signed; Schnorr: of any length
}

// ECDSA returns the 463 vectors of Wycheproof for Bitcoin's kind of ECDSA, where
// nothing but DER (BIP66) with s in the lower half (BIP146) is valid.
func ECDSA(t testing.TB) (list []Signature) {
	t.Helper()
	var file struct {
		NumberOfTests int
		TestGroups    []struct {
			PublicKey struct{ Uncompressed string }
			Tests     []struct {
				TcID              int
				Flags             []string
				Comment, Msg, Sig string
				Result            string
			}
		}
	}
	Load(t, "ecdsa_secp256k1_sha256_bitcoin_test.json", &file)
	for _, group := range file.TestGroups {
		for _, v := range group.Tests {
			require.Contains(t, []string{"valid", "invalid"}, v.Result)
			hash := sha256.Sum256(unhex(t, v.Msg))
			list = append(list, Signature{
				v.TcID, v.Comment, v.Flags, v.Result == "valid",
				unhex(t, group.PublicKey.Uncompressed), unhex(t, v.Sig), hash[:],
			})
		}
	}
	require.Len(t, list, file.NumberOfTests)
	require.Len(t, list, 463)
	return list
}

// Schnorr returns the 19 vectors of BIP340.
func Schnorr(t testing.TB) (list []Signature) {
	t.Helper()
	raw, err := testdata.ReadFile("testdata/bip340_test_vectors.csv")
	require.NoError(t, err)
	lines, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
	require.NoError(t, err)
	require.Equal(t, []string{
		"index", "secret key", "public key", "aux_rand", "message", "signature", "verification result", "comment",
	}, lines[0])
	for _, line := range lines[1:] {
		id, err := strconv.Atoi(line[0])
		require.NoError(t, err)
		require.Contains(t, []string{"TRUE", "FALSE"}, line[6])
		list = append(list, Signature{
			ID: id, Comment: line[7], Valid: line[6] == "TRUE",
			Key: unhex(t, line[2]), Message: unhex(t, line[4]), Sig: unhex(t, line[5]),
		})
	}
	require.Len(t, list, 19)
	return list
}
