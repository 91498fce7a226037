package main_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/chaintest"
)

const (
	killCount   = 200
	killChanges = 900 // of the best block that the peer offers
)

// killing is a node that is killed again and again while the best block moves
// from branch to branch.
type killing struct {
	*node
	rng    *rand.Rand
	braid  *chaintest.Braid
	server *braidServer
	kills  int
	how    map[string]int
	seen   map[chainhash.Hash]bool // best blocks whose set was compared
}

// TestKilledAtAnyMoment kills the node, or all processes, at random moments:
// while it follows its peer from branch to branch, flushes, starts, stops and
// makes its index anew. After each time its UTXO set is that of its best block.
func TestKilledAtAnyMoment(t *testing.T) {
	rng := chaintest.Seeded(t)
	b := chaintest.NewBraid(t, rng, killChanges, 20_000)
	server := startBraidServer(t, b)
	k := &killing{
		node: newNode(t, "regtest", "-connect="+server.address(), "-listen=0", "-dbcache=4", "-disablewallet", "-p2pworkers=1"),
		rng:  rng, braid: b, server: server, how: map[string]int{}, seen: map[chainhash.Hash]bool{},
	}
	began := time.Now()
	for k.kills < killCount {
		k.life()
	}
	t.Logf("%d kills %v in %d s; the peer announced %d of %d best blocks; %d sets compared",
		k.kills, k.how, int(time.Since(began).Seconds()), server.shown, len(b.Tips), len(k.seen))
	k.arrive()
}

// Node kills of a ship's life: the supervisor pauses the longer before it starts
// the node again the more often that has ended.
const nodeKills = 3

// life is one from the start of the ship to its violent end.
func (k *killing) life() {
	var args []string
	if k.rng.IntN(2) == 0 {
		args = append(args, "-maxtipage=1000000000") // at the tip, not in initial download
	}
	kind := k.rng.IntN(16)
	early := k.rng.IntN(5) == 0
	switch kind {
	case 0, 1:
		args, early = append(args, "-reindex"), true
	case 2:
		args, early = append(args, "-reindex-chainstate"), true
	case 3, 4:
		require.NoError(k.t, os.RemoveAll(k.net)) // a new node, which has much to download
		early = true
	case 5:
		args = append(args, "-multiprocess=0")
	}
	k.launch(args...)
	if early {
		k.pause(800)
		if k.rng.IntN(2) == 0 || k.killRole("node") == 0 {
			k.killShip()
			k.killed("early")
			return
		}
		k.killed("early")
		if !k.survives() {
			return
		}
	}
	k.check()
	for range k.rng.IntN(nodeKills + 1) {
		k.work()
		if k.killRole("node") > 0 {
			k.killed("node")
		}
		k.check()
	}
	k.work()
	k.end()
}

// survives waits for the node to come back. If it had never been on the bus,
// the ship says that it does not start, and ends.
func (k *killing) survives() (back bool) {
	k.eventually("the node, or the end of the ship", func() error {
		select {
		case err := <-k.ended:
			k.ended <- err
			require.Contains(k.t, k.stderr.String(), "Error: node did not start: signal: killed")
			return nil
		default:
		}
		_, err := k.call("getblockcount")
		back = err == nil
		return err
	})
	return back
}

// end ends the ship, sometimes while it stops.
func (k *killing) end() {
	if k.rng.IntN(4) == 0 {
		_, err := k.call("stop")
		require.NoError(k.t, err)
		k.pause(60)
		k.killed("stop")
	} else {
		k.killed("ship")
	}
	k.killShip()
}

func (k *killing) killed(how string) {
	k.kills++
	k.how[how]++
}

// work lets the chain move on, and returns at a random moment soon after it
// did. Sometimes everything is being flushed then.
func (k *killing) work() {
	moved := k.server.allow(2 + k.rng.IntN(4))
	select {
	case <-moved:
	case <-time.After(patience):
		require.FailNow(k.t, "the node does not ask for blocks")
	}
	if k.rng.IntN(3) == 0 {
		flushing := make(chan struct{})
		go func() {
			defer close(flushing)
			_, _ = k.call("gettxoutsetinfo", "none") // it may be killed meanwhile
		}()
		k.t.Cleanup(func() { <-flushing })
	}
	k.pause(40)
}

// pause lets up to so many milliseconds pass.
func (k *killing) pause(most int) {
	<-time.After(time.Duration(k.rng.IntN(most*1000)) * time.Microsecond)
}

// check compares the UTXO set with that of the best block.
func (k *killing) check() {
	k.t.Helper()
	var info struct{ BestBlock, MuHash string }
	k.eventually("the UTXO set", func() error {
		select {
		case err := <-k.ended:
			k.ended <- err
			require.FailNow(k.t, "the ship ended by itself", "%v: %s", err, k.stderr)
		default:
		}
		raw, err := k.call("gettxoutsetinfo", "muhash")
		if err == nil {
			err = json.Unmarshal(raw, &info)
		}
		return err
	})
	hash, err := chainhash.NewHashFromStr(info.BestBlock)
	require.NoError(k.t, err)
	want, known := k.braid.Sets[*hash]
	require.True(k.t, known, "the best block %s is none of the chain's", hash)
	require.Equal(k.t, want.String(), info.MuHash, "after %d kills %v, at block %s of height %d",
		k.kills, k.how, hash, k.braid.Spots[*hash].Height)
	k.seen[*hash] = true
}

// arrive lets the node follow its peer to the end.
func (k *killing) arrive() {
	k.start()
	k.server.allow(len(k.braid.Tips))
	final := k.server.braid.Tips[len(k.braid.Tips)-1]
	k.eventuallyTip(final.Hash.String())
	k.check()
	require.True(k.t, k.seen[final.Hash])
	require.Equal(k.t, true, k.must("verifychain", 4, 0))
	k.stop()
	k.start("-noconnect")
	require.Equal(k.t, final.Hash.String(), k.tip())
	k.check()
	for _, tip := range k.must("getchaintips").([]any) {
		status := tip.(map[string]any)["status"]
		require.NotContains(k.t, []any{"invalid"}, status, fmt.Sprint(tip))
	}
	k.stop()
}
