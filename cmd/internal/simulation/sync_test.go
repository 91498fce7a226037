package simulation

import (
	"net/netip"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/p2pworker/peertest"
)

// distant is the line of a host whose number says how far it is and how slow: 10 to
// 200 ms, and 20 kB to 1 MB a second.
func distant(_, b netip.Addr) peertest.Line {
	n := int(b.As4()[1])
	return peertest.Line{Delay: time.Duration(10+n%20*10) * time.Millisecond, Rate: []int{20_000, 100_000, 1_000_000}[n%3]}
}

// TestASyncAmongLiars: of a hundred peers that a new node knows of, one in three is as
// it should be. Others are mute, keep blocks back, change them, speak no protocol, hang
// up, or are not there.
func TestASyncAmongLiars(t *testing.T) {
	const blocks = 1000
	simulate(t, blocks, distant, func(w *world) {
		all := addresses(0, 100)
		var servers, liars []*peertest.Peer // who send blocks, and who send changed ones
		for i, at := range all {
			p := &peertest.Peer{Net: wire.TestNet, Chain: w.chain}
			switch i % 9 {
			case 0, 1, 2:
				servers = append(servers, p)
			case 3:
				p.Mute = true
			case 4:
				p.Withhold = true
			case 5:
				p.Mutate = true
				liars = append(liars, p)
			case 6:
				p.Junk = true
			case 7:
				p.HangUp = 20 * time.Second
				servers = append(servers, p)
			case 8:
				continue
			}
			w.network.Host(at, p.Serve)
		}
		s := w.launch(addresses(1000, 1)[0], all...)
		defer s.sink()
		took := w.within(2*time.Hour, "the whole chain", func() bool { return s.best() == w.tip.Hash.String() })
		served := int64(0)
		for _, p := range servers {
			served += p.Served.Load()
		}
		w.t.Logf("in %v; %d blocks were sent for the %d", took, served, blocks)
		require.GreaterOrEqual(w.t, served, int64(blocks))
		for _, p := range liars {
			// A feeler may have tried it before.
			require.LessOrEqual(w.t, p.Sessions.Load(), int64(2), "who changed a block is not asked again")
		}
		// It is told of what comes next, too.
		w.grow(w.chain, w.tip.Extend(3, 0))
		w.within(10*time.Minute, "new blocks", func() bool { return s.best() == w.tip.Hash.String() })
	})
}
