package secure

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

const (
	maxKeyFile   = 64 << 10
	publicField  = "public-key"
	secretField  = "secret-key"
	othersAccess = 0o077
)

// Certificate is the content of a key file.
type Certificate struct {
	Public PublicKey
	Secret Key // zero in a public file
	// Metadata is free text about the key. A value keeps no spaces or quotes
	// at its ends.
	Metadata []Property
}

// NewCertificate is the certificate of key.
func NewCertificate(key Key, metadata ...Property) Certificate {
	return Certificate{Public: key.Public(), Secret: key, Metadata: metadata}
}

// WritePublicFile writes c without its secret key to a new file, which all
// may read. A file that exists is an error.
func (c Certificate) WritePublicFile(path string) error {
	c.Secret = Key{}
	return c.writeFile(path, 0o644)
}

// WriteSecretFile writes c with its secret key to a new file, which its owner
// alone may read. A file that exists is an error.
func (c Certificate) WriteSecretFile(path string) error {
	if c.Secret.IsZero() {
		return fmt.Errorf("no secret key to write to %s", path)
	}
	return c.writeFile(path, 0o600)
}

func (c Certificate) writeFile(path string, mode fs.FileMode) (err error) {
	text, err := c.text()
	if err != nil {
		return err
	}
	defer clear(text)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			_ = os.Remove(path) // half a key is worse than none
		}
	}()
	if _, err := f.Write(text); err != nil {
		return err
	}
	return f.Sync()
}

// text is c in CZMQ's format: sections, with indented properties (ZeroMQ
// RFC 4, as far as certificates use it).
func (c Certificate) text() ([]byte, error) {
	if c.Public == (PublicKey{}) {
		return nil, errors.New("a certificate needs a public key")
	}
	b := []byte("#   ZeroMQ CURVE certificate: public key\n\nmetadata\n")
	if !c.Secret.IsZero() {
		b = []byte("#   ZeroMQ CURVE certificate: SECRET key, for nobody but its owner\n\nmetadata\n")
	}
	for _, p := range c.Metadata {
		if !writable(p) {
			return nil, fmt.Errorf("metadata %q cannot be written to a key file", p.Name)
		}
		b = fmt.Appendf(b, "    %s = \"%s\"\n", p.Name, p.Value)
	}
	b = fmt.Appendf(b, "curve\n    %s = \"%s\"\n", publicField, c.Public)
	if !c.Secret.IsZero() {
		b = fmt.Appendf(b, "    %s = \"%s\"\n", secretField, c.Secret.Reveal())
	}
	return b, nil
}

// writable refuses what would be read back as something else; pyzmq looks for
// the names of keys in every section.
func writable(p Property) bool {
	return p.Name != "" && !strings.ContainsFunc(p.Name, notInName) &&
		!strings.HasPrefix(p.Name, publicField) && !strings.HasPrefix(p.Name, secretField) &&
		!strings.ContainsFunc(p.Value, notInValue)
}

func notInValue(r rune) bool { return r < ' ' || r == 0x7f || r == '"' || r == '\'' }

// ReadPublicFile reads a key file for its public key. A secret key in it is
// passed over, and nobody's access to the file matters.
func ReadPublicFile(path string) (Certificate, error) {
	c, err := readKeyFile(path, func(fs.FileInfo) error { return nil })
	c.Secret = Key{}
	return c, err
}

// ReadSecretFile reads a key file with a secret key. It refuses a file to
// which anybody but its owner has access.
func ReadSecretFile(path string) (Certificate, error) {
	c, err := readKeyFile(path, func(info fs.FileInfo) error {
		if mode := info.Mode().Perm(); mode&othersAccess != 0 {
			return fmt.Errorf("%s is open to others than its owner (mode %04o): run chmod 600 %[1]s", path, mode)
		}
		return nil
	})
	if err == nil && c.Secret.IsZero() {
		err = fmt.Errorf("%s holds no secret key", path)
	}
	return c, err
}

func readKeyFile(path string, check func(fs.FileInfo) error) (Certificate, error) {
	// Without O_NONBLOCK the opening of a named pipe would wait for a writer.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return Certificate{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return Certificate{}, err
	case !info.Mode().IsRegular():
		return Certificate{}, fmt.Errorf("%s is not a regular file", path)
	case info.Size() > maxKeyFile:
		return Certificate{}, fmt.Errorf("%s has %d bytes, a key file at most %d", path, info.Size(), maxKeyFile)
	}
	if err := check(info); err != nil {
		return Certificate{}, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return Certificate{}, err
	}
	defer clear(text)
	c, err := parseCertificate(string(text))
	if err != nil {
		return Certificate{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}
