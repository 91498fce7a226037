package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bulkheadnode/bulkhead/internal/space"
	"github.com/bulkheadnode/bulkhead/node/chaintest"
)

// smallDisk is a file system in memory.
type smallDisk struct {
	t       testing.TB
	dir     string
	ballast string // a file that takes the room that others would
}

const smallDiskSize = 160 << 20

func newSmallDisk(t testing.TB) *smallDisk {
	t.Helper()
	require.Zero(t, os.Geteuid(), "this test mounts a file system, which needs root; go test -skip leaves it out")
	dir := filepath.Join(t.TempDir(), "disk")
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.NoError(t, unix.Mount("bulkhead-test", dir, "tmpfs", 0, fmt.Sprintf("size=%d", smallDiskSize)))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	return &smallDisk{t, dir, filepath.Join(dir, "ballast")}
}

func (d *smallDisk) free() int64 {
	var fs unix.Statfs_t
	require.NoError(d.t, unix.Statfs(d.dir, &fs))
	return int64(fs.Bavail) * fs.Bsize
}

// leave takes, or gives back, room until so many bytes are free.
func (d *smallDisk) leave(bytes int64) {
	d.t.Helper()
	f, err := os.OpenFile(d.ballast, os.O_CREATE|os.O_RDWR, 0o600)
	require.NoError(d.t, err)
	defer f.Close()
	info, err := f.Stat()
	require.NoError(d.t, err)
	size := info.Size() + d.free() - bytes
	require.NoError(d.t, f.Truncate(size))
	if size > info.Size() {
		require.NoError(d.t, unix.Fallocate(int(f.Fd()), 0, info.Size(), size-info.Size()))
	}
}

// awaitShortage waits for the end for want of room and checks what the user is
// told.
func (n *node) awaitShortage(text string) {
	n.t.Helper()
	select {
	case err := <-n.ended:
		n.ended <- err
		require.Error(n.t, err)
		require.Equal(n.t, 1, n.cmd.ProcessState.ExitCode())
	case <-time.After(patience):
		require.Fail(n.t, "the node sails on without room")
	}
	require.Contains(n.t, n.stderr.String(), text)
	require.Equal(n.t, 1, strings.Count(n.stderr.String(), "\n"), "%s", n.stderr)
	log := n.log()
	for _, trace := range []string{"goroutine ", "SIGBUS", "unexpected fault"} {
		require.NotContains(n.t, log, trace)
	}
}

// TestFullDisk fills the disk while the node downloads its chain: bit by bit by
// the node itself, and at once by another program.
func TestFullDisk(t *testing.T) {
	rng := chaintest.Seeded(t)
	b := chaintest.NewBraid(t, rng, 300, 20_000)
	server := startBraidServer(t, b)
	disk := newSmallDisk(t)
	n := newNode(t, "regtest", "-connect="+server.address(), "-listen=0", "-dbcache=4", "-disablewallet", "-p2pworkers=1")
	n.dir, n.net = disk.dir, filepath.Join(disk.dir, "regtest")
	n.args[0] = "-datadir=" + n.dir
	k := &killing{node: n, rng: rng, braid: b, server: server, how: map[string]int{}, seen: map[chainhash.Hash]bool{}}

	n.start()
	k.check()
	disk.leave(space.Reserve + 18<<20)
	server.allow(len(b.Tips))
	n.awaitShortage("Error: Disk space is too low!\n")
	require.Contains(t, n.log(), "Disk space is too low!")
	require.Contains(t, n.log(), fmt.Sprintf("Disk space is low for %q", n.net))
	t.Logf("after %d of %d tips: %s", server.shown, len(b.Tips), n.stderr)

	for _, free := range []int64{space.Reserve / 2, 4 << 10, 0} {
		disk.leave(free)
		n.launch()
		n.awaitShortage(fmt.Sprintf("Error: Disk space is low for %q", n.net))
	}

	disk.leave(space.Reserve + 40<<20)
	n.start("-multiprocess=0")
	k.check()
	disk.leave(space.Reserve / 2)
	n.awaitShortage("Error: Disk space is too low!\n")

	disk.leave(space.Reserve + 60<<20)
	server.allow(len(b.Tips))
	k.arrive()
}
