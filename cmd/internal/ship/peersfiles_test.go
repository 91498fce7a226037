package ship

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/internal/multipart"
	"github.com/bulkheadnode/bulkhead/p2pworker/manager"
)

// TestTheManagersFiles are written and removed for it, and no others.
func TestTheManagersFiles(t *testing.T) {
	f := &peersFiles{dir: t.TempDir()}
	save := func(name string, frames ...[]byte) error {
		_, err := f.save(t.Context(), msg.PeersFileBody{Name: name, Frames: multipart.Frames{Attached: frames}})
		return err
	}
	for _, name := range manager.FileNames() {
		path := filepath.Join(f.dir, name)
		require.NoError(t, save(name, []byte("a")))
		require.NoError(t, save(name, []byte("b")))
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, "b", string(raw))
		require.NoError(t, save(name, nil), "an empty file is one")
		require.FileExists(t, path)
		require.NoError(t, save(name))
		require.NoFileExists(t, path)
		require.NoError(t, save(name), "it is not there any more")
	}
	for _, name := range []string{"", ".", ".cookie", "wallets/w", "../peers.dat", "peers.dat/", "settings.json", ".peers.dat.new"} {
		require.ErrorIs(t, save(name, []byte("a")), &bus.Error{Kind: bus.KindBadMessage}, name)
		require.ErrorIs(t, save(name), &bus.Error{Kind: bus.KindBadMessage}, name)
	}
	require.ErrorIs(t, save("peers.dat", nil, nil), &bus.Error{Kind: bus.KindBadMessage})
	entries, err := os.ReadDir(f.dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}

// TestALongFileComesInPieces: it is replaced with the last one, by the pieces that follow
// each other from the first on.
func TestALongFileComesInPieces(t *testing.T) {
	f := &peersFiles{dir: t.TempDir()}
	path := filepath.Join(f.dir, "banlist.json")
	piece := func(at int, more bool, text string) error {
		_, err := f.save(t.Context(), msg.PeersFileBody{Name: "banlist.json", At: at, More: more, Frames: multipart.One([]byte(text))})
		return err
	}
	content := func() string {
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		return string(raw)
	}
	require.NoError(t, piece(0, false, "old"))
	require.NoError(t, piece(0, true, "ab"))
	require.NoError(t, piece(2, true, "cd"))
	require.Equal(t, "old", content(), "it is not whole")
	require.NoError(t, piece(4, false, "e"))
	require.Equal(t, "abcde", content())
	require.Empty(t, f.pieces)

	for _, at := range []int{1, 5, -1} {
		require.ErrorIs(t, piece(at, false, "x"), &bus.Error{Kind: bus.KindBadMessage}, "%d: nothing has begun", at)
	}
	require.NoError(t, piece(0, true, "of a manager that ends"))
	require.NoError(t, piece(0, true, "fg"))
	require.ErrorIs(t, piece(3, false, "h"), &bus.Error{Kind: bus.KindBadMessage})
	require.NoError(t, piece(2, false, "h"))
	require.Equal(t, "fgh", content())

	f.pieces = make([]byte, msg.MaxPeersFile)
	require.ErrorIs(t, piece(msg.MaxPeersFile, false, "x"), &bus.Error{Kind: bus.KindBadMessage}, "it is too long")
}

// TestTorIsAnsweredOnlyIfItKnowsItsCookie: who does not know what is in a file learns
// nothing of it, whatever file it is.
func TestTorIsAnsweredOnlyIfItKnowsItsCookie(t *testing.T) {
	dir := t.TempDir()
	cookie := []byte("what only Tor and its friends see")[:32]
	path := filepath.Join(dir, "control_auth_cookie")
	require.NoError(t, os.WriteFile(path, cookie, 0o600))
	req := msg.ProveTorRequest{Path: path, Ours: [32]byte{1}, Theirs: [32]byte{2}}
	hash := func(key string) []byte {
		h := hmac.New(sha256.New, []byte(key))
		h.Write(append(append(append([]byte{}, cookie...), req.Ours[:]...), req.Theirs[:]...))
		return h.Sum(nil)
	}
	req.Hash = hash("Tor safe cookie authentication server-to-controller hash")
	f := &peersFiles{tor: true}
	reply, err := f.prove(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, hash("Tor safe cookie authentication controller-to-server hash"), reply.Proof)

	_, err = (&peersFiles{}).prove(t.Context(), req)
	require.ErrorContains(t, err, "no Tor daemon is used")
	for name, make := range map[string]func(path string) error{
		"pipe":  func(path string) error { return unix.Mkfifo(path, 0o600) },
		"large": func(path string) error { return os.WriteFile(path, bytes.Repeat(cookie, 3), 0o600) },
		"long":  func(path string) error { return os.WriteFile(path, append(cookie, 0), 0o600) },
		"dir":   func(path string) error { return os.Mkdir(path, 0o700) },
		"none":  func(string) error { return nil },
	} {
		bad := req
		bad.Path = filepath.Join(dir, name)
		require.NoError(t, make(bad.Path))
		reply, err := f.prove(t.Context(), bad)
		require.Error(t, err, name)
		require.Empty(t, reply.Proof, name)
	}
	req.Hash = hash("Tor safe cookie authentication controller-to-server hash")
	reply, err = f.prove(t.Context(), req)
	require.ErrorContains(t, err, "does not know Tor's cookie")
	require.Empty(t, reply.Proof)
}

// TestWhatTheManagerMayOpen: the folder of captured messages is there for it.
func TestWhatTheManagerMayOpen(t *testing.T) {
	s, layout := settingsOf(t, "-capturemessages")
	p, err := newPartSettings(Config{Settings: s, Layout: layout, Version: "1.2.3"}, nil, nil, nil)
	require.NoError(t, err)
	spec, err := p.peers()
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(layout.Net, "message_capture")}, spec.Files.Fill)
	require.DirExists(t, spec.Files.Fill[0])
	require.Contains(t, spec.Files.Read, filepath.Join(layout.Net, "peers.dat"))
	require.Empty(t, spec.Files.Own)
}
