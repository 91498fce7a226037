package ship

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
)

// settingsOf reads a command line on regtest.
func settingsOf(t *testing.T, args ...string) (*config.Settings, *config.Layout) {
	t.Helper()
	dir := t.TempDir()
	s, err := config.Parse(append([]string{"-datadir=" + dir, "-regtest"}, args...))
	require.NoError(t, err)
	layout, err := s.Load(dir)
	require.NoError(t, err)
	return s, layout
}

func TestWherePeersMayConnect(t *testing.T) {
	for _, tc := range []struct {
		args []string
		want []string
		err  string
	}{
		{[]string{"-listen=0"}, nil, ""},
		{[]string{"-connect=1.2.3.4"}, nil, ""},
		{[]string{"-maxconnections=0"}, nil, ""},
		{[]string{"-proxy=127.0.0.1"}, nil, ""},
		{[]string{"-proxy=127.0.0.1", "-noproxy", "-bind=127.0.0.1"}, []string{"127.0.0.1:18444"}, ""},
		{[]string{"-proxy=127.0.0.1", "-listen", "-bind=127.0.0.1"}, []string{"127.0.0.1:18444"}, ""},
		{nil, []string{"[::]:18444", "0.0.0.0:18444", "127.0.0.1:18445"}, ""},
		{[]string{"-connect=1.2.3.4", "-bind=127.0.0.1"}, []string{"127.0.0.1:18444"}, ""},
		{[]string{"-port=5", "-bind=[::1]", "-bind=127.0.0.1=onion", "-whitebind=noban@127.0.0.1:7"}, []string{"[::1]:5", "127.0.0.1:6", "127.0.0.1:7"}, ""},
		{[]string{"-bind=example.org"}, nil, "Cannot resolve -bind address: 'example.org'"},
		{[]string{"-bind=127.0.0.1=tor"}, nil, "Cannot resolve -bind address: '127.0.0.1=tor'"},
		{[]string{"-whitebind=noban@zap"}, nil, "Cannot resolve -whitebind address: 'noban@zap'"},
	} {
		s, layout := settingsOf(t, tc.args...)
		list, err := p2pEndpoints(s, layout.Chain)
		if tc.err != "" {
			require.ErrorContains(t, err, tc.err)
			continue
		}
		require.NoError(t, err)
		var got []string
		for _, b := range list {
			got = append(got, b.addr)
		}
		require.Equal(t, tc.want, got, tc.args)
	}
}

func TestWhereClientsMayConnect(t *testing.T) {
	for _, tc := range []struct {
		args     []string
		want     []string
		warnings int
	}{
		{nil, []string{"127.0.0.1:18443", "[::1]:18443"}, 0},
		{[]string{"-rpcallowip=10.0.0.0/8"}, []string{"127.0.0.1:18443", "[::1]:18443"}, 1},
		{[]string{"-rpcbind=10.0.0.1"}, []string{"127.0.0.1:18443", "[::1]:18443"}, 1},
		{[]string{"-rpcallowip=10.0.0.0/8", "-rpcbind=10.0.0.1", "-rpcbind=[::1]:9"}, []string{"10.0.0.1:18443", "[::1]:9"}, 0},
		{[]string{"-rpcbind=unix:rpc.sock"}, []string{"127.0.0.1:18443", "[::1]:18443"}, 0},
		{[]string{"-rpcbind=unix:rpc.sock", "-rpcallowip=10.0.0.0/8", "-rpcbind=10.0.0.1"}, []string{"10.0.0.1:18443"}, 0},
	} {
		s, layout := settingsOf(t, tc.args...)
		list, warnings, err := rpcEndpoints(s, layout.Chain)
		require.NoError(t, err)
		var got []string
		for _, b := range list {
			got = append(got, b.addr)
		}
		require.Equal(t, tc.want, got)
		require.Len(t, warnings, tc.warnings)
	}
}

func TestUnixSocketsForClients(t *testing.T) {
	s, layout := settingsOf(t, "-rpcbind=10.0.0.1", "-rpcbind=unix:rpc.sock")
	require.NoError(t, checkPorts(s))
	require.NoError(t, os.MkdirAll(layout.Net, 0o700))
	listeners, err := listenRPCSockets(s, layout, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.Len(t, listeners, 1)
	info, err := os.Stat(filepath.Join(layout.Net, "rpc.sock"))
	require.NoError(t, err)
	require.Equal(t, os.ModeSocket|0o600, info.Mode())
	_, err = listenRPCSockets(s, layout, slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "is probably already running")
	closeListeners(listeners)
	require.NoFileExists(t, filepath.Join(layout.Net, "rpc.sock"))

	s, layout = settingsOf(t, "-rpcbind=unix:@abstract")
	_, err = listenRPCSockets(s, layout, slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "Invalid address in -rpcbind=unix:@abstract")
}

func TestCookie(t *testing.T) {
	for who, mode := range map[string]os.FileMode{"owner": 0o600, "group": 0o640, "all": 0o644} {
		s, layout := settingsOf(t, "-rpccookieperms="+who, "-rpcauth=joe:5a$01")
		path := filepath.Join(layout.Net, ".cookie")
		require.NoError(t, os.MkdirAll(layout.Net, 0o700))
		list, cookie, err := accounts(s, path)
		require.NoError(t, err)
		require.True(t, cookie)
		require.Len(t, list, 2)
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm())
	}
	s, layout := settingsOf(t, "-rpcuser=joe", "-rpcpassword=secret")
	list, cookie, err := accounts(s, layout.Cookie)
	require.NoError(t, err)
	require.False(t, cookie)
	require.Equal(t, "joe", list[0].User)
	s, layout = settingsOf(t, "-rpcauth=zap")
	_, _, err = accounts(s, layout.Cookie)
	require.Error(t, err)
}

func TestLocksTellWhetherADirectoryIsStillThere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "net")
	require.NoError(t, os.Mkdir(dir, 0o700))
	locks, err := lockDirs(dir, dir)
	require.NoError(t, err)
	defer closeAll(locks)
	require.Len(t, locks, 1)
	_, err = lockDirs(dir)
	require.ErrorContains(t, err, "is probably already running")
	require.NoError(t, stillThere(locks))

	// Another disk, or what was under it, is not the directory that was locked.
	require.NoError(t, os.Rename(dir, dir+".away"))
	require.ErrorContains(t, stillThere(locks), "is gone")
	require.NoError(t, os.Mkdir(dir, 0o700))
	other, err := lockDirs(dir)
	require.NoError(t, err)
	defer closeAll(other)
	require.ErrorContains(t, stillThere(locks), "is gone")
}
