package secure

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestZ85OfTheRFC(t *testing.T) {
	// RFC 32's test case.
	raw := []byte{0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b}
	text, err := EncodeZ85(raw)
	require.NoError(t, err)
	require.Equal(t, "HelloWorld", text)
	back, err := DecodeZ85(text)
	require.NoError(t, err)
	require.Equal(t, raw, back)
	all, err := EncodeZ85([]byte{0xff, 0xff, 0xff, 0xff})
	require.NoError(t, err)
	require.Equal(t, "%nSc0", all)
}

func TestZ85IsStrict(t *testing.T) {
	for _, text := range []string{"Hell", "Hello ", "Hell\"", "Hell ", "Hell\xff", "#####", "%nSc1", "Hell~", "Hell\n"} {
		_, err := DecodeZ85(text)
		require.Error(t, err, "%q", text)
		require.NotContains(t, err.Error(), text)
	}
	_, err := EncodeZ85([]byte{1, 2, 3})
	require.Error(t, err)
	_, err = ParsePublicKey("HelloWorld")
	require.Error(t, err)
	_, err = ParseKey(strings.Repeat("#", 40))
	require.Error(t, err)
}

func FuzzZ85(f *testing.F) {
	f.Add("HelloWorld")
	f.Add(fixedKey(1).Reveal())
	f.Add("#####")
	f.Fuzz(func(t *testing.T, text string) {
		raw, err := DecodeZ85(text)
		if err != nil {
			return
		}
		again, err := EncodeZ85(raw)
		require.NoError(t, err)
		require.Equal(t, text, again)
	})
}

func TestPublicKeysAreThoseOfLibzmq(t *testing.T) {
	key := fixedKey(1)
	derive := "import sys, zmq; print(zmq.curve_public(sys.argv[1].encode()).decode())"
	require.Equal(t, key.Public().String(), python(t, derive, key.Reveal()))
	require.NotEqual(t, Generate(), Generate())
}

func TestSecretKeysAreNeverPrinted(t *testing.T) {
	key := fixedKey(0x41)
	cfg := ClientConfig{Key: key, Server: fixedKey(1).Public()}
	_, client := connect(t, Limits{})
	conn := newClient(client, cfg, fixedRandom(1))
	var printed bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%c", "%T"} {
		for _, value := range []any{key, &key, cfg, &cfg, []Key{key}, map[string]Key{"k": key}, NewCertificate(key), conn} {
			fmt.Fprintf(&printed, verb+"\n", value)
		}
	}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&printed, nil), slog.NewJSONHandler(&printed, nil)} {
		slog.New(handler).Info("key", "key", key, "cfg", slog.AnyValue(NewCertificate(key)))
	}
	text, err := json.Marshal(NewCertificate(key))
	require.NoError(t, err)
	printed.Write(text)
	require.Contains(t, printed.String(), redacted)
	for _, secret := range []string{
		key.Reveal(), "ABCDEFGH", "65 66 67", "41 42 43", "4142434445", "0x41, 0x42", "65,66,67", "101 102 103", "A B C D",
	} {
		require.NotContains(t, printed.String(), secret)
	}
}

func TestKeyFilesAreReadBack(t *testing.T) {
	dir := t.TempDir()
	public, secret := filepath.Join(dir, "role.key"), filepath.Join(dir, "role.key_secret")
	cert := NewCertificate(Generate(), Property{"name", "a worker"}, Property{"role", "worker"})
	require.NoError(t, cert.WritePublicFile(public))
	require.NoError(t, cert.WriteSecretFile(secret))
	got, err := ReadSecretFile(secret)
	require.NoError(t, err)
	require.Equal(t, cert, got)
	got, err = ReadPublicFile(public)
	require.NoError(t, err)
	require.Equal(t, Certificate{Public: cert.Public, Metadata: cert.Metadata}, got)
	got, err = ReadPublicFile(secret)
	require.NoError(t, err)
	require.True(t, got.Secret.IsZero())
	info, err := os.Stat(secret)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	text, err := os.ReadFile(public)
	require.NoError(t, err)
	require.NotContains(t, string(text), "secret")

	require.ErrorIs(t, NewCertificate(Generate()).WriteSecretFile(secret), os.ErrExist)
	require.ErrorIs(t, cert.WritePublicFile(public), os.ErrExist)
	got, err = ReadSecretFile(secret)
	require.NoError(t, err)
	require.Equal(t, cert, got, "nothing was overwritten")
}

func TestKeyFilesThatShouldNotBeTrustedAreRefused(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "k")
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o620, 0o601, 0o777} {
		require.NoError(t, NewCertificate(Generate()).WriteSecretFile(path))
		require.NoError(t, os.Chmod(path, mode))
		_, err := ReadSecretFile(path)
		require.ErrorContains(t, err, path)
		require.ErrorContains(t, err, "chmod 600 "+path)
		require.NoError(t, os.Remove(path))
	}
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	_, err := ReadSecretFile(path)
	require.ErrorContains(t, err, "regular")
	_, err = ReadSecretFile(dir)
	require.ErrorContains(t, err, "regular")
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.WriteFile(path, make([]byte, maxKeyFile+1), 0o600))
	_, err = ReadSecretFile(path)
	require.ErrorContains(t, err, "bytes")
	require.NoError(t, os.Remove(path))
	require.NoError(t, NewCertificate(Generate()).WritePublicFile(path))
	_, err = ReadPublicFile(path)
	require.NoError(t, err)
	require.NoError(t, os.Chmod(path, 0o600))
	_, err = ReadSecretFile(path)
	require.ErrorContains(t, err, "no secret key")
	_, err = ReadSecretFile(filepath.Join(dir, "absent"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestCertificatesThatAreWrongAreRefused(t *testing.T) {
	key, other := fixedKey(1), fixedKey(2)
	public := "curve\n  public-key = \"" + key.Public().String() + "\"\n"
	for name, text := range map[string]string{
		"empty":            "",
		"no key":           "metadata\n    name = x\ncurve\n",
		"in metadata":      "metadata\n    public-key = \"" + key.Public().String() + "\"\n",
		"short":            "curve\n    public-key = \"abc\"\n",
		"open quote":       "curve\n    public-key = \"" + key.Public().String() + "\n",
		"no value":         "curve\n    public-key\n",
		"twice":            public + "  public-key = \"" + other.Public().String() + "\"\n",
		"another's secret": public + "  secret-key = \"" + other.Reveal() + "\"\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseCertificate(text)
			require.Error(t, err)
			require.NotContains(t, err.Error(), other.Reveal())
		})
	}
	c, err := parseCertificate("# comment\r\n\r\ncurve\r\n\tpublic-key = '" + key.Public().String() + "'\r\n")
	require.NoError(t, err)
	require.Equal(t, key.Public(), c.Public)
	for _, p := range []Property{{"", "x"}, {"a b", "x"}, {"n", "line\nbreak"}, {"n", `"`}, {"secret-key", "x"}, {"public-key", "x"}} {
		require.Error(t, NewCertificate(key, p).WriteSecretFile(filepath.Join(t.TempDir(), "k")), p)
	}
	require.Error(t, Certificate{}.WritePublicFile(filepath.Join(t.TempDir(), "k")))
	require.Error(t, Certificate{Public: key.Public()}.WriteSecretFile(filepath.Join(t.TempDir(), "k")))
}

func FuzzCertificate(f *testing.F) {
	text, err := NewCertificate(fixedKey(1), Property{"name", "x y"}).text()
	require.NoError(f, err)
	f.Add(string(text))
	f.Add("metadata\n    role = w\ncurve\n    public-key = '" + fixedKey(1).Public().String() + "'\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCertificate(text)
		if err != nil {
			return
		}
		again, err := c.text()
		if err != nil {
			return // metadata that may be read and not written
		}
		back, err := parseCertificate(string(again))
		require.NoError(t, err)
		require.Equal(t, c, back)
	})
}

// python runs a line with pyzmq and returns what it prints.
func python(t *testing.T, line string, args ...string) string {
	t.Helper()
	out, err := exec.Command("/usr/bin/python3", append([]string{"-c", line}, args...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return strings.TrimSpace(string(out))
}

func TestPyzmqReadsOurKeyFilesAndWeItsOwn(t *testing.T) {
	dir := t.TempDir()
	cert := NewCertificate(Generate(), Property{"name", "x"})
	public, secret := filepath.Join(dir, "a.key"), filepath.Join(dir, "a.key_secret")
	require.NoError(t, cert.WritePublicFile(public))
	require.NoError(t, cert.WriteSecretFile(secret))
	load := "import sys, zmq.auth; p, s = zmq.auth.load_certificate(sys.argv[1]); print(p.decode(), s and s.decode())"
	require.Equal(t, cert.Public.String()+" "+cert.Secret.Reveal(), python(t, load, secret))
	require.Equal(t, cert.Public.String()+" None", python(t, load, public))

	create := "import sys, zmq.auth; zmq.auth.create_certificates(sys.argv[1], 'b', metadata={'role': 'a worker'})"
	python(t, create, dir)
	public, secret = filepath.Join(dir, "b.key"), filepath.Join(dir, "b.key_secret")
	_, err := ReadSecretFile(secret)
	require.ErrorContains(t, err, "chmod 600", "pyzmq leaves secret keys open to all")
	require.NoError(t, os.Chmod(secret, 0o600))
	theirs, err := ReadSecretFile(secret)
	require.NoError(t, err)
	require.Equal(t, theirs.Public.String()+" "+theirs.Secret.Reveal(), python(t, load, secret))
	require.Equal(t, []Property{{"role", "a worker"}}, theirs.Metadata)
	got, err := ReadPublicFile(public)
	require.NoError(t, err)
	require.Equal(t, theirs.Public, got.Public)
}
