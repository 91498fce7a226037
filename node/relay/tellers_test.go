package relay

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/download"
)

// Who told of a block first is asked first; others when that was some time ago, or
// it is gone.
func TestWhoToldFirstIsAskedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, other := download.Holder{Worker: "worker.1", Peer: 1}, download.Holder{Worker: "worker.2", Peer: 2}
		told, old := chainhash.Hash{1}, chainhash.Hash{2}
		d := newDownloads()
		grant := func(h download.Holder) []chainhash.Hash {
			granted := d.grant(t.Context(), h, 9, func() []chainhash.Hash { return []chainhash.Hash{told, old} })
			d.peerGone(download.Holder{}) // nobody
			d.leases.PeerGone(h)
			return granted
		}
		d.toldFirst(first, told)
		require.Equal(t, []chainhash.Hash{old}, grant(other))
		require.Equal(t, []chainhash.Hash{told, old}, grant(first))
		<-time.After(firstAsked)
		require.Equal(t, []chainhash.Hash{told, old}, grant(other))
		d.toldFirst(first, told)
		d.workerGone("worker.1")
		require.Equal(t, []chainhash.Hash{told, old}, grant(other))
		for i := range 2 * maxTellers {
			d.toldFirst(first, chainhash.Hash{3, byte(i)})
		}
		require.Len(t, d.tellers, maxTellers)
		<-time.After(2 * firstAsked)
		d.toldFirst(first, told)
		require.Len(t, d.tellers, 1)
	})
}
