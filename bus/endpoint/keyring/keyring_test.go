package keyring_test

import (
	"bytes"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/endpoint/keyring"
	"github.com/bulkheadnode/bulkhead/bus/secure"
)

func newRing(t *testing.T) (dir string, ring *keyring.Ring, log *bytes.Buffer) {
	t.Helper()
	dir, log = filepath.Join(t.TempDir(), "ipc"), &bytes.Buffer{}
	return dir, keyring.New(dir, slog.New(slog.NewTextHandler(log, nil))), log
}

func create(t *testing.T, dir string, role rights.Role, name string) (keyring.Ticket, keyring.Pair) {
	t.Helper()
	pair, err := keyring.Create(dir, role, name, "regtest")
	require.NoError(t, err)
	ticket, err := keyring.ReadTicket(pair.Secret)
	require.NoError(t, err)
	return ticket, pair
}

func TestWhatCreateMakes(t *testing.T) {
	dir, _, _ := newRing(t)
	ticket, pair := create(t, dir, roles.Worker, "hostb")
	require.Equal(t, filepath.Join(dir, "worker.hostb.key_secret"), pair.Secret)
	own, err := keyring.BrokerKey(dir)
	require.NoError(t, err)
	require.Equal(t, keyring.Ticket{
		Key: ticket.Key, Broker: own.Public(), Role: roles.Worker, Name: "hostb", Chain: "regtest",
	}, ticket)
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o700), info.Mode().Perm())
	for _, file := range []string{pair.Secret, filepath.Join(dir, "broker.key_secret")} {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), file)
	}
	public, err := os.ReadFile(pair.Public)
	require.NoError(t, err)
	require.NotContains(t, string(public), ticket.Key.Reveal())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 4, "nothing is left over")
}

func TestCreateOverwritesNothing(t *testing.T) {
	dir, _, _ := newRing(t)
	before, pair := create(t, dir, roles.Client, "")
	_, err := keyring.Create(dir, roles.Client, "", "regtest")
	require.Error(t, err)
	require.NoError(t, os.Remove(pair.Public))
	_, err = keyring.Create(dir, roles.Client, "", "regtest")
	require.ErrorIs(t, err, fs.ErrExist, "the secret of a revoked key is still there")
	after, err := keyring.ReadTicket(pair.Secret)
	require.NoError(t, err)
	require.Equal(t, before, after)
}

func TestCreateRefusesRolesAndNames(t *testing.T) {
	dir, _, _ := newRing(t)
	for _, role := range []rights.Role{roles.Node, roles.Peers, roles.Supervisor, "broker", "", "../worker"} {
		_, err := keyring.Create(dir, role, "", "main")
		require.ErrorContains(t, err, "worker, wallet, notify, gateway, client", role)
	}
	for _, name := range []string{"a.b", "../x", "a b", strings.Repeat("x", 65)} {
		_, err := keyring.Create(dir, roles.Worker, name, "main")
		require.ErrorContains(t, err, "letters, digits", name)
	}
	require.NoDirExists(t, dir)
}

func TestTheRingFollowsItsFolder(t *testing.T) {
	dir, ring, _ := newRing(t)
	require.NoError(t, ring.Refresh(), "a folder that is not there holds no keys")
	one, onePair := create(t, dir, roles.Worker, "one")
	_, known := ring.Lookup(one.Key.Public())
	require.False(t, known)
	require.NoError(t, ring.Refresh())
	role, known := ring.Lookup(one.Key.Public())
	require.True(t, known)
	require.Equal(t, roles.Worker, role)
	owner, known := ring.Owner(roles.Worker, "one")
	require.True(t, known)
	require.Equal(t, one.Key.Public(), owner)
	_, known = ring.Owner(roles.Worker, "")
	require.False(t, known)

	// Another key under the same name, written in place within a clock tick.
	other := secure.NewCertificate(secure.Generate(), secure.Property{Name: "role", Value: "worker"})
	elsewhere := filepath.Join(t.TempDir(), "k")
	require.NoError(t, other.WritePublicFile(elsewhere))
	text, err := os.ReadFile(elsewhere)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(onePair.Public, text, 0o600))
	require.NoError(t, ring.Refresh())
	_, known = ring.Lookup(one.Key.Public())
	require.False(t, known)
	_, known = ring.Lookup(other.Public)
	require.True(t, known)

	require.NoError(t, os.Remove(onePair.Public))
	require.NoError(t, ring.Refresh())
	_, known = ring.Lookup(other.Public)
	require.False(t, known)
}

func TestTheRingTrustsNoOddFiles(t *testing.T) {
	dir, ring, log := newRing(t)
	good, goodPair := create(t, dir, roles.Client, "")
	write := func(file string, key secure.Key, metadata ...secure.Property) secure.PublicKey {
		require.NoError(t, secure.NewCertificate(key, metadata...).WritePublicFile(filepath.Join(dir, file)))
		return key.Public()
	}
	role := func(name string) secure.Property { return secure.Property{Name: "role", Value: name} }
	bad := map[string]secure.PublicKey{
		"no role":         write("client.a.key", secure.Generate()),
		"other role":      write("client.b.key", secure.Generate(), role("worker")),
		"not for outside": write("node.key", secure.Generate(), role("node")),
		"bad name":        write("client.a.b.key", secure.Generate(), role("client")),
		"other name":      write("client.c.key", secure.Generate(), role("client"), secure.Property{Name: "name", Value: "d"}),
		"others write it": write("client.e.key", secure.Generate(), role("client")),
	}
	twice := secure.Generate()
	bad["two roles"] = write("client.f.key", twice, role("client"))
	write("wallet.f.key", twice, role("wallet"))
	require.NoError(t, os.Chmod(filepath.Join(dir, "client.e.key"), 0o666))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "client.junk.key"), []byte("junk"), 0o600))
	for range 3 {
		require.NoError(t, ring.Refresh())
	}
	for why, key := range bad {
		found, _ := ring.Lookup(key)
		require.Empty(t, found, why)
	}
	found, _ := ring.Lookup(good.Key.Public())
	require.Equal(t, roles.Client, found)
	require.Equal(t, 8, strings.Count(log.String(), "passing over a key"), "each once:\n%s", log)

	require.NoError(t, os.Remove(goodPair.Public))
	require.NoError(t, os.Chmod(dir, 0o777))
	require.ErrorContains(t, ring.Refresh(), "can be written by others")
}

func TestASecretWithoutTheBrokersKeyIsNoTicket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k")
	require.NoError(t, secure.NewCertificate(secure.Generate()).WriteSecretFile(path))
	_, err := keyring.ReadTicket(path)
	require.ErrorContains(t, err, "no public key of the broker")
	_, err = keyring.ReadTicket(path + "x")
	require.ErrorIs(t, err, fs.ErrNotExist)
}
