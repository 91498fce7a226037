package node_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/node"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
)

// damaging is a node on a braid whose files are damaged again and again.
type damaging struct {
	*rig
	braid *chaintest.Braid
	log   *journal
	ended chan error
	quit  func()
}

// followBraid returns the rig of a node that has the braid, and the files it
// leaves when it is killed and when it is stopped.
func followBraid(t *testing.T, rng *rand.Rand) (d *damaging, killed, stopped chaintest.Image) {
	d = &damaging{braid: chaintest.NewBraid(t, rng, 40, 2000)}
	d.rig = newRig(t, "regtest", func(cfg *node.Config) {
		cfg.FastPrune, cfg.CacheMiB = true, 4
		cfg.TxIndex, cfg.FilterIndex, cfg.CoinStatsIndex, cfg.SpenderIndex = true, true, true, true
	})
	d.ctx = t.Context() // all of it takes its time
	d.loaded()
	last := d.braid.Genesis
	for i, tip := range d.braid.Tips {
		require.NoError(t, d.feed(chaintest.Between(chaintest.ForkOf(last, tip), tip)))
		last = tip
		if i%12 == 0 {
			d.setHash() // flushes
		}
	}
	// What a kill leaves is what the files are when nothing is being written.
	d.until(func() bool {
		killed = chaintest.ImageOf(t, d.cfg.Dir)
		return killed.Equal(chaintest.ImageOf(t, d.cfg.Dir))
	})
	d.stop()
	return d, killed, chaintest.ImageOf(t, d.cfg.Dir)
}

// feed submits blocks, parents first. A valid block must not be refused.
func (d *damaging) feed(spots []*chaintest.Spot) error {
	d.t.Helper()
	for _, spot := range spots {
		raw, err := d.call("submitblock", hex.EncodeToString(spot.Raw))
		if err != nil {
			return err
		}
		require.Contains(d.t, []string{"null", `"duplicate"`, `"inconclusive"`}, string(raw), "block %s of height %d", spot.Hash, spot.Height)
	}
	return nil
}

// everything are all blocks, parents first.
func (d *damaging) everything() []*chaintest.Spot {
	spots := slices.Collect(maps.Values(d.braid.Spots))
	slices.SortFunc(spots, func(a, b *chaintest.Spot) int {
		if a.Height != b.Height {
			return int(a.Height - b.Height)
		}
		return bytes.Compare(a.Hash[:], b.Hash[:])
	})
	return spots[1:] // without genesis
}

// run starts the node on what its directory holds. It returns when the node
// has loaded that, or with the reason for its end.
func (d *damaging) run() error {
	d.log, d.ended = &journal{}, make(chan error, 1)
	link, gone := d.bus.WatchedLink(roles.Node, "node")
	ctx, cancel := context.WithCancel(d.ctx)
	env := part.Env{
		Name: "node", Link: link, Clock: d.clock, Mockable: true, Logger: slog.New(slog.NewTextHandler(d.log, nil)),
	}
	go func() {
		err := node.Run(ctx, env, d.cfg)
		link.Close()
		<-gone
		d.ended <- err
	}()
	d.quit = cancel
	var info struct{ Loaded bool }
	for !info.Loaded {
		select {
		case err := <-d.ended:
			d.ended <- err
			require.Error(d.t, err, "it ended by itself")
			return err
		case <-d.ctx.Done():
			require.Fail(d.t, "the node neither starts nor ends")
		case <-time.After(time.Millisecond):
		}
		if raw, err := d.call("getmempoolinfo"); err == nil {
			require.NoError(d.t, json.Unmarshal(raw, &info))
		}
	}
	return nil
}

// halt stops the node, and returns how it ended.
func (d *damaging) halt() error {
	d.quit()
	return <-d.ended
}

// readAll reads everything that the node has. It returns what the node
// complains of; what it gives out must be right.
func (d *damaging) readAll() error {
	d.t.Helper()
	var faults []error
	if raw, err := d.call("verifychain", 4, 0); err != nil || string(raw) != "true" {
		faults = append(faults, fmt.Errorf("verifychain: %s %w", raw, err))
	}
	var info struct{ BestBlock, MuHash string }
	if raw, err := d.call("gettxoutsetinfo", "muhash"); err != nil {
		faults = append(faults, err)
	} else {
		require.NoError(d.t, json.Unmarshal(raw, &info))
		best, err := chainhash.NewHashFromStr(info.BestBlock)
		require.NoError(d.t, err)
		require.Equal(d.t, d.braid.Sets[*best].String(), info.MuHash, "a wrong UTXO set that nobody noticed")
	}
	faults = append(faults, d.readBlocks()...)
	if len(faults) == 0 {
		faults = append(faults, d.readIndexes()...)
	}
	if raw, err := d.call("getchaintips"); err != nil {
		faults = append(faults, err)
	} else {
		require.NotContains(d.t, string(raw), "invalid\"", "a valid block became invalid")
	}
	return errors.Join(faults...)
}

// readBlocks reads all blocks and their undo data.
func (d *damaging) readBlocks() (faults []error) {
	for hash, spot := range d.braid.Spots {
		raw, err := d.call("getblock", hash.String(), 0)
		if err == nil {
			require.Equal(d.t, strconv.Quote(hex.EncodeToString(spot.Raw)), string(raw))
			_, err = d.call("getblock", hash.String(), 3)
		}
		if err != nil {
			faults = append(faults, err)
		}
	}
	return faults
}

// readIndexes asks the indexes about all blocks of the best chain. They may lag
// behind.
func (d *damaging) readIndexes() (faults []error) {
	final := d.braid.Tips[len(d.braid.Tips)-1]
	if raw, err := d.call("getbestblockhash"); err != nil || string(raw) != strconv.Quote(final.Hash.String()) {
		return nil // not yet
	}
	var lag error
	d.until(func() bool {
		raw, err := d.call("getindexinfo")
		if lag = err; err != nil {
			return true
		}
		var info map[string]struct{ Synced bool }
		require.NoError(d.t, json.Unmarshal(raw, &info))
		require.Len(d.t, info, 4)
		for _, x := range info {
			if !x.Synced {
				return d.hasEnded()
			}
		}
		return true
	})
	if lag != nil {
		return []error{lag}
	}
	for spot := final; spot.Parent != nil; spot = spot.Parent {
		raw, err := d.call("gettxoutsetinfo", "muhash", spot.Hash.String())
		if err == nil {
			require.Contains(d.t, string(raw), d.braid.Sets[spot.Hash].String())
			_, err = d.call("getblockfilter", spot.Hash.String())
		}
		if err != nil {
			faults = append(faults, err)
		}
		tx := spot.Txs[len(spot.Txs)-1]
		raw, err = d.call("getrawtransaction", tx.ID.String(), 1)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		require.Contains(d.t, string(raw), strconv.Quote(spot.Hash.String()))
	}
	return faults
}

// hasEnded reports whether the node has ended by itself.
func (d *damaging) hasEnded() bool {
	select {
	case err := <-d.ended:
		d.ended <- err
		return true
	default:
		return false
	}
}

// arrive gives the node all blocks and checks where that leads.
func (d *damaging) arrive() error {
	if err := d.feed(d.everything()); err != nil {
		return err
	}
	final := d.braid.Tips[len(d.braid.Tips)-1].Hash
	raw, err := d.call("getbestblockhash")
	if err != nil {
		return err
	}
	require.Equal(d.t, strconv.Quote(final.String()), string(raw))
	return nil
}

// examine runs the node on damaged files until it has either shown that it has
// all that it should, or told what is damaged. Then -reindex has to help.
func (d *damaging) examine(files chaintest.Image, damaged string) (detected bool) {
	d.t.Helper()
	files.Lay(d.t, d.cfg.Dir)
	d.cfg.Reindex = false
	err := d.run()
	if err == nil {
		_ = d.readAll() // it may lack what peers are asked for
		if err = d.arrive(); err == nil {
			err = d.readAll()
		}
		err = errors.Join(err, d.halt())
	}
	if err == nil {
		return false
	}
	said, folder := err.Error()+d.log.String(), filepath.Dir(filepath.Join(d.cfg.Dir, damaged))
	require.True(d.t, strings.Contains(said, filepath.Base(damaged)) || strings.Contains(said, folder+" is corrupt"), "%s is damaged, but the node says: %v\n%s", damaged, err, d.log)

	d.cfg.Reindex = true
	require.NoError(d.t, d.run(), "%s\n%s", damaged, d.log)
	require.NoError(d.t, d.arrive(), "%s", d.log)
	require.NoError(d.t, d.readAll(), "%s", d.log)
	require.NoError(d.t, d.halt())
	return true
}

// flipsPerFile is how many bits of each file are flipped, one at a time. With a
// dozen the test takes a quarter of an hour.
const flipsPerFile = 1

// A bit that flips in any file of a node that was killed, or stopped, does no
// harm, or is found.
func TestFlippedBitInAnyFile(t *testing.T) {
	rng := chaintest.Seeded(t)
	d, killed, stopped := followBraid(t, rng)
	found, flips := 0, 0
	for state, files := range map[string]chaintest.Image{"killed": killed, "stopped": stopped} {
		for _, name := range files.Names() {
			file := files[name]
			for range min(flipsPerFile, len(file.Content)) {
				at, bit := rng.IntN(len(file.Content)), rng.IntN(8)
				content := bytes.Clone(file.Content)
				content[at] ^= 1 << bit
				flips++
				t.Logf("%s: %s, bit %d of byte %d of %d", state, name, bit, at, len(content))
				if d.examine(files.With(name, content, file.Size), name) {
					found++
				}
			}
		}
	}
	t.Logf("of %d flips %d were found, the others did no harm", flips, found)
}
