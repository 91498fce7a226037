package chaintest

import (
	crand "crypto/rand"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// seedVariable is the environment variable that repeats the choices of a test
// that makes them at random.
const seedVariable = "BULKHEAD_TEST_SEED"

// Seeded returns the source of a test's random choices and tells its seed.
func Seeded(t testing.TB) *rand.Rand {
	t.Helper()
	var raw [8]byte
	_, err := crand.Read(raw[:])
	require.NoError(t, err)
	seed := binary.LittleEndian.Uint64(raw[:])
	if text := os.Getenv(seedVariable); text != "" {
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("%s=%d repeats the choices of this run", seedVariable, seed)
	return rand.New(rand.NewPCG(seed, seed))
}
