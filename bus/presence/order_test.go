package presence

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg"
)

// TestAnEventFromBeforeTheRegistryWasReadIsNoNews: links are numbered in the
// order in which they come. An old one must not make the present one end.
func TestAnEventFromBeforeTheRegistryWasReadIsNoNews(t *testing.T) {
	var said []string
	w := New(Config{
		Up:   func(e msg.RegistryEntry) { said = append(said, fmt.Sprint("up ", e.Link)) },
		Gone: func(e msg.RegistryEntry) { said = append(said, fmt.Sprint("gone ", e.Link)) },
	})
	for _, link := range []uint64{5, 4, 5, 6} {
		w.came(msg.RegistryEntry{Instance: "wallet", Role: "wallet", Link: link})
	}
	require.Equal(t, []string{"up 5", "up 5", "gone 5", "up 6"}, said)
}
