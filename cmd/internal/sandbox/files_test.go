package sandbox_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/cmd/internal/sandbox"
)

// dataDirectory is one of a node with wallets: where things lie is for the tests of the
// whole node to know.
type dataDirectory string

func newDataDirectory(t *testing.T) dataDirectory {
	d := dataDirectory(t.TempDir())
	for _, name := range []string{
		"bitcoin.conf", ".cookie", "peers.dat", "blocks/blk00000.dat", "blocks/old", "chainstate/MANIFEST", "message_capture/peer/old",
		"wallets/own/seed", "wallets/own/old", "wallets/other/seed", "wallets/other/old", "wallets/spare/seed", "ipc/key",
		"elsewhere/blk00002.dat", "elsewhere/secret", "elsewhere/index/MANIFEST",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(d.at(name)), 0o700))
		require.NoError(t, os.WriteFile(d.at(name), []byte("secret"), 0o600))
	}
	require.NoError(t, os.Mkdir(d.at("empty"), 0o700))
	for link, to := range map[string]string{"blocks/blk00002.dat": "elsewhere/blk00002.dat", "blocks/index": "elsewhere/index"} {
		require.NoError(t, os.Symlink(d.at(to), d.at(link)))
	}
	return d
}

func (d dataDirectory) at(name string) string { return filepath.Join(string(d), name) }

// acts are what one may want to do there.
func (d dataDirectory) acts() map[string]func() error {
	read := func(name string) func() error {
		return func() error { _, err := os.ReadFile(d.at(name)); return err }
	}
	write := func(name string) func() error {
		return func() error { return os.WriteFile(d.at(name), []byte("x"), 0o600) }
	}
	list := func(name string) func() error {
		return func() error { _, err := os.ReadDir(d.at(name)); return err }
	}
	return map[string]func() error{
		"read the config":        read("bitcoin.conf"),
		"read the cookie":        read(".cookie"),
		"replace the cookie":     write(".cookie.new"),
		"read a bus key":         read("ipc/key"),
		"read peers.dat":         read("peers.dat"),
		"write peers.dat":        func() error { return appendTo(d.at("peers.dat")) },
		"read a captured one":    read("message_capture/peer/old"),
		"capture a message":      write("message_capture/peer/new"),
		"capture of a new peer":  func() error { return os.Mkdir(d.at("message_capture/another"), 0o700) },
		"read a block":           read("blocks/blk00000.dat"),
		"write a block":          write("blocks/blk00001.dat"),
		"remove a block":         func() error { return os.Remove(d.at("blocks/old")) },
		"use a linked block":     func() error { return appendTo(d.at("blocks/blk00002.dat")) },
		"use a linked folder":    write("blocks/index/new"),
		"read beside the linked": read("elsewhere/secret"),
		"read the coins":         read("chainstate/MANIFEST"),
		"list the wallets":       list("wallets"),
		"read its wallet":        read("wallets/own/seed"),
		"write its wallet":       write("wallets/own/new"),
		"rename in its wallet":   func() error { return os.Rename(d.at("wallets/own/old"), d.at("wallets/own/older")) },
		"read another wallet":    read("wallets/other/seed"),
		"write another wallet":   write("wallets/other/new"),
		"remove another wallet":  func() error { return os.Remove(d.at("wallets/other/old")) },
		"rename another wallet":  func() error { return os.Rename(d.at("wallets/spare"), d.at("wallets/mine")) },
		"make a wallet":          func() error { return os.Mkdir(d.at("wallets/new"), 0o700) },
		"link to another wallet": func() error { return os.Link(d.at("wallets/other/seed"), d.at("wallets/own/link")) },
		"symlink to the cookie":  func() error { return os.Symlink(d.at(".cookie"), d.at("wallets/own/symlink")) },
		"make a device":          func() error { return unix.Mknod(d.at("wallets/own/null"), unix.S_IFCHR|0o600, 1<<8|3) },
		"open a wallet to all":   func() error { return os.Chmod(d.at("wallets/other/seed"), 0o644) },
		"give a wallet away":     func() error { return os.Lchown(d.at("wallets/other/seed"), os.Getuid(), os.Getgid()) },
		"cut a wallet off":       func() error { return os.Truncate(d.at("wallets/other/seed"), 6) },
		"put a wallet's date":    func() error { return unix.UtimesNanoAt(unix.AT_FDCWD, d.at("wallets/other/seed"), nil, 0) },
		"remove a folder":        func() error { return os.Remove(d.at("empty")) },
		"by its own descriptors": func() error { _, err := os.ReadDir("/proc/self/fd"); return err },
	}
}

func appendTo(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

// filesOf is what each process of a node has there.
func (d dataDirectory) filesOf(process string) sandbox.Files {
	switch process {
	case "peers":
		return sandbox.Files{Read: []string{d.at("peers.dat"), d.at("missing")}, Fill: []string{d.at("message_capture")}}
	case "keeper of wallets":
		return sandbox.Files{List: []string{d.at("wallets")}}
	case "wallet":
		return sandbox.Files{Own: []string{d.at("wallets/own")}}
	case "node":
		return sandbox.Files{Own: []string{d.at("blocks"), d.at("chainstate")}}
	}
	return sandbox.Files{}
}

// TestWhatAProcessMayOpen: each may use what is listed for it in a data directory, and
// nothing else.
func TestWhatAProcessMayOpen(t *testing.T) {
	for process, c := range map[string]struct {
		prisoner
		may []string
	}{
		"worker":            {prisoner{Role: roles.Worker}, nil},
		"gateway":           {prisoner{Role: roles.Gateway}, nil},
		"notify":            {prisoner{Role: roles.Notify}, nil},
		"peers":             {prisoner{Role: roles.Peers}, []string{"read peers.dat", "capture a message", "capture of a new peer"}},
		"keeper of wallets": {prisoner{Role: roles.Wallet}, []string{"list the wallets"}},
		"node":              {prisoner{Role: roles.Node}, []string{"read a block", "write a block", "remove a block", "use a linked block", "use a linked folder", "read the coins"}},
		"wallet":            {prisoner{Role: roles.Wallet}, []string{"read its wallet", "write its wallet", "rename in its wallet"}},
	} {
		t.Run(process, func(t *testing.T) {
			d := newDataDirectory(t)
			c.Data, c.Files = d, d.filesOf(process)
			outcome := imprison(t, c.prisoner)
			for act := range d.acts() {
				require.Contains(t, outcome, act)
				if slices.Contains(c.may, act) {
					require.Empty(t, outcome[act], act)
				} else {
					require.NotEmpty(t, outcome[act], act)
				}
			}
		})
	}
}

// Outside of a sandbox all of these acts succeed: the table above would show nothing
// otherwise. (Who is not root makes no devices.)
func TestAllOfItCanBeOpened(t *testing.T) {
	for act, do := range newDataDirectory(t).acts() {
		if err := do(); act == "make a device" && os.Getuid() != 0 {
			require.ErrorIs(t, err, unix.EPERM)
		} else {
			require.NoError(t, err, act)
		}
	}
}

// What is in force is told in words that name no folder.
func TestFilesAreTold(t *testing.T) {
	require.Equal(t, "no files (Landlock)", sandbox.Files{}.String())
	require.Equal(t, "files (Landlock): 2 to read and 1 of its own", sandbox.Files{Read: []string{"/a", "/b"}, Own: []string{"/c"}}.String())
}
