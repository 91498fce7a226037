package chainstate_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/chainstate"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
)

// TestWhatTheMempoolHadOfABlock is told for each block, after what left for it and before
// anything comes back, also of a branch that takes the place of another.
func TestWhatTheMempoolHadOfABlock(t *testing.T) {
	disk := chaintest.OpenDisk(t, t.TempDir(), chaintest.Regtest(t))
	defer disk.Close(t)
	base := chaintest.Genesis(t, chaintest.Regtest(t)).Extend(110, 0)
	r := &acceptRig{t: t, base: base}
	r.Owner = open(t, disk, base.Time(), untouched, func(ev chainstate.Event) {
		switch ev := ev.(type) {
		case chainstate.TxAdded:
			r.events = append(r.events, fmt.Sprintf("added alone=%v", ev.Alone))
		case chainstate.TxRemoved:
			r.events = append(r.events, string(ev.Reason))
		case chainstate.PoolFollowed:
			r.events = append(r.events, fmt.Sprintf("%d had %d", ev.Node.Height, len(ev.Had)))
		case chainstate.BlockConnected:
			r.events = append(r.events, fmt.Sprintf("%d connected", ev.Node.Height))
		}
	})
	process(t, r.Owner, base.Path())
	r.events = nil

	first, second := r.pay(1, 10_000), r.pay(2, 10_000)
	r.accept(first)
	r.accept(second)
	process(t, r.Owner, []*chaintest.Spot{base.Next(first, r.pay(2, 90_000), r.pay(3, 1))})
	require.Equal(t, []string{"added alone=true", "added alone=true", "block", "conflict", "111 had 1", "111 connected"}, r.events)

	r.events = nil
	other := base.Extend(1, 1)
	process(t, r.Owner, []*chaintest.Spot{other, other.Next()})
	require.Equal(t, []string{"111 had 0", "112 had 0", "added alone=false", "added alone=false"}, r.events[:4])
	require.NoError(t, r.Close())
}
