package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/node/chaintest"
)

// owned tells whether a file of the chain's directory is one of the node's.
func owned(name string) bool {
	folder, _, _ := strings.Cut(name, string(filepath.Separator))
	return folder == "blocks" || folder == "chainstate" || folder == "indexes"
}

// imageOfNode returns the files of the process that owns the chain.
func imageOfNode(n *node) chaintest.Image {
	n.t.Helper()
	files := chaintest.ImageOf(n.t, n.net)
	for name := range files {
		if !owned(name) {
			delete(files, name)
		}
	}
	return files
}

// damageRounds returns a node that has followed its peer for a while, and its
// files as a kill in the middle of that left them.
func damageRounds(t *testing.T, rng *rand.Rand) (k *killing, files chaintest.Image) {
	b := chaintest.NewBraid(t, rng, 120, 2000)
	server := startBraidServer(t, b)
	k = &killing{
		node: newNode(t, "regtest", "-connect="+server.address(), "-listen=0", "-dbcache=4", "-disablewallet", "-p2pworkers=1", "-fastprune"),
		rng:  rng, braid: b, server: server, how: map[string]int{}, seen: map[chainhash.Hash]bool{},
	}
	for range 3 {
		k.start()
		for range 4 {
			k.work()
		}
		k.check()
		k.work()
		k.killShip()
	}
	return k, imageOfNode(k.node)
}

// survey lets the node catch up with its peer and reads everything that it has.
// It returns what the node complains of.
func (k *killing) survey() error {
	k.t.Helper()
	best := k.server.best().Hash.String()
	var end error
	k.eventually("the peer's best block, or the end", func() error {
		select {
		case err := <-k.ended:
			k.ended <- err
			end = fmt.Errorf("the ship ended: %w: %s", err, k.stderr)
			return nil
		default:
		}
		raw, err := k.call("getbestblockhash")
		if err == nil && string(raw) != `"`+best+`"` {
			err = fmt.Errorf("the tip is %s, not %s", raw, best)
		}
		return err
	})
	if end != nil {
		return end
	}
	k.check()
	var faults []error
	if raw, err := k.call("verifychain", 4, 0); err != nil || string(raw) != "true" {
		faults = append(faults, fmt.Errorf("verifychain: %s: %w", raw, err))
	}
	for spot := k.server.best(); spot != nil; spot = spot.Parent {
		raw, err := k.call("getblock", spot.Hash.String(), 0)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		var text string
		require.NoError(k.t, json.Unmarshal(raw, &text))
		require.Equal(k.t, fmt.Sprintf("%x", spot.Raw), text)
	}
	raw, err := k.call("getchaintips")
	require.NotContains(k.t, string(raw), `"invalid"`, "a valid block became invalid")
	return errors.Join(append(faults, err)...)
}

// examine starts the node on damaged files. It has to show that it has all that
// it should, or to tell which file is damaged; then -reindex has to help.
func (k *killing) examine(files chaintest.Image, damaged string) (detected bool) {
	k.t.Helper()
	files.Lay(k.t, k.net)
	k.launch()
	err := k.survey()
	if err == nil {
		k.stop()
		return false
	}
	said := k.stderr.String() + k.log()
	named := strings.Contains(said, filepath.Base(damaged)) ||
		strings.Contains(said, filepath.Join(k.net, filepath.Dir(damaged))+" is corrupt")
	require.True(k.t, named, "%s is damaged, but the node says: %v", damaged, err)
	k.killShip()
	k.launch("-reindex")
	require.NoError(k.t, k.survey(), "%s", damaged)
	k.stop()
	return true
}

// TestTornWriteInAnyFile cuts off the end of one file after the other.
func TestTornWriteInAnyFile(t *testing.T) {
	rng := chaintest.Seeded(t)
	k, files := damageRounds(t, rng)
	began, found := time.Now(), 0
	for _, name := range files.Names() {
		file := files[name]
		if len(file.Content) == 0 {
			continue
		}
		end := max(len(file.Content)-1-rng.IntN(4096), 0)
		// A log has room behind its end. It may be there or not.
		size := int64(end)
		if file.Size > int64(len(file.Content)) && rng.IntN(2) == 0 {
			size = file.Size
		}
		t.Logf("%s: %d of %d bytes are left, with room to %d", name, end, len(file.Content), size)
		if k.examine(files.With(name, file.Content[:end], size), name) {
			found++
		}
	}
	t.Logf("%d files, %d damages found, in %d s", len(files), found, int(time.Since(began).Seconds()))
}

// shipFlips is how many bits are flipped under a ship; the many are flipped
// under a node alone, where that is quick.
const shipFlips = 8

// TestFlippedBitUnderTheShip flips bits in files of a ship that was killed.
func TestFlippedBitUnderTheShip(t *testing.T) {
	rng := chaintest.Seeded(t)
	k, files := damageRounds(t, rng)
	found, names := 0, files.Names()
	for range shipFlips {
		name := names[rng.IntN(len(names))]
		for len(files[name].Content) == 0 {
			name = names[rng.IntN(len(names))]
		}
		content := bytes.Clone(files[name].Content)
		at, bit := rng.IntN(len(content)), rng.IntN(8)
		content[at] ^= 1 << bit
		t.Logf("%s, bit %d of byte %d of %d", name, bit, at, len(content))
		if k.examine(files.With(name, content, files[name].Size), name) {
			found++
		}
	}
	t.Logf("of %d flips %d were found", shipFlips, found)
}
