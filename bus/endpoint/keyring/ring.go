package keyring

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rights"

	"github.com/bulkheadnode/bulkhead/bus/endpoint"
	"github.com/bulkheadnode/bulkhead/bus/secure"
)

// maxKeys bounds the .key files of a folder.
const maxKeys = 4096

// unchangedAge is how old a file must be to be taken for unchanged: within the
// clock ticks of a file system it could change again unseen.
const unchangedAge = 2 * time.Second

// Ring is the public keys of a folder.
type Ring struct {
	dir    string
	logger *slog.Logger

	refreshing sync.Mutex
	files      map[string]keyFile // by name, as last read
	clashes    map[secure.PublicKey]bool

	mu    sync.RWMutex
	roles map[secure.PublicKey]rights.Role
	names map[string]secure.PublicKey // of files with a NAME, by stem
}

// keyFile is what a file held when it was read.
type keyFile struct {
	modified time.Time
	size     int64
	mode     fs.FileMode
	read     time.Time
	key      secure.PublicKey
	role     rights.Role
	fault    string // why it is of no use
}

// New makes a Ring of a folder, which need not exist. Nothing is read before
// Refresh.
func New(dir string, logger *slog.Logger) *Ring {
	return &Ring{dir: dir, logger: logger, files: map[string]keyFile{}, clashes: map[secure.PublicKey]bool{}}
}

// Lookup returns the role of a key.
func (r *Ring) Lookup(key secure.PublicKey) (rights.Role, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	role, known := r.roles[key]
	return role, known
}

// Owner returns the key of ROLE.NAME.key.
func (r *Ring) Owner(role rights.Role, name string) (secure.PublicKey, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	key, known := r.names[stem(role, name)]
	return key, known && name != ""
}

// Refresh reads what has changed in the folder since the last time. A file
// that is of no use is logged once. A folder that is gone holds no keys; one
// that cannot be read, or that others may write to, is an error.
func (r *Ring) Refresh() error {
	r.refreshing.Lock()
	defer r.refreshing.Unlock()
	entries, err := os.ReadDir(r.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		if err := checkFolder(r.dir); err != nil {
			return err
		}
	}
	files := map[string]keyFile{}
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, publicSuffix) || name == brokerStem+publicSuffix {
			continue
		}
		if len(files) == maxKeys {
			return fmt.Errorf("%s holds more than %d keys", r.dir, maxKeys)
		}
		if f, ok := r.look(name); ok {
			files[name] = f
		}
	}
	r.files = files
	r.publish()
	return nil
}

// look returns what a file holds, from memory if it has not changed.
func (r *Ring) look(name string) (keyFile, bool) {
	path := filepath.Join(r.dir, name)
	info, err := os.Stat(path)
	if err != nil {
		return keyFile{}, false // gone meanwhile
	}
	old, known := r.files[name]
	same := known && old.modified.Equal(info.ModTime()) && old.size == info.Size() && old.mode == info.Mode()
	if same && old.read.Sub(old.modified) > unchangedAge {
		return old, true
	}
	f := keyFile{modified: info.ModTime(), size: info.Size(), mode: info.Mode(), read: time.Now()}
	if f.key, f.role, err = readKey(path, info); err != nil {
		f.fault = err.Error()
		if old.fault != f.fault {
			r.logger.Warn("bus: passing over a key: " + f.fault)
		}
	}
	return f, true
}

// readKey reads a .key file and checks that its name fits what it says.
func readKey(path string, info fs.FileInfo) (secure.PublicKey, rights.Role, error) {
	if info.Mode().Perm()&writableByOthers != 0 {
		return secure.PublicKey{}, "", fmt.Errorf("%s can be written by others: run chmod go-w %[1]s", path)
	}
	c, err := secure.ReadPublicFile(path)
	if err != nil {
		return secure.PublicKey{}, "", err
	}
	role := field(c, roleField)
	fromFile, name, named := strings.Cut(strings.TrimSuffix(filepath.Base(path), publicSuffix), ".")
	switch {
	case role == "":
		return c.Public, "", fmt.Errorf("%s: no role in the metadata", path)
	case role != fromFile:
		return c.Public, "", fmt.Errorf("%s: the file is named for the role %s, its metadata says %s", path, fromFile, role)
	case !endpoint.Outside(rights.Role(role)):
		return c.Public, "", fmt.Errorf("%s: role %s cannot come from outside", path, role)
	case role == string(roles.Wallet) && !named:
		return c.Public, "", fmt.Errorf("%s: %w", path, errNamelessWallet)
	case named && !endpoint.ValidName(name):
		return c.Public, "", fmt.Errorf("%s: %q is not a valid name", path, name)
	case named && field(c, nameField) != "" && field(c, nameField) != name:
		return c.Public, "", fmt.Errorf("%s: the metadata gives it another name, %q", path, field(c, nameField))
	}
	return c.Public, rights.Role(role), nil
}

const writableByOthers = 0o022

func checkFolder(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is no folder", dir)
	case info.Mode().Perm()&writableByOthers != 0:
		return fmt.Errorf("%s can be written by others: run chmod go-w %[1]s", dir)
	}
	return nil
}

// publish makes what was read what Lookup tells.
func (r *Ring) publish() {
	roles, names := map[secure.PublicKey]rights.Role{}, map[string]secure.PublicKey{}
	for file, f := range r.files {
		if f.fault != "" {
			continue
		}
		if other, twice := roles[f.key]; twice && other != f.role {
			if !r.clashes[f.key] {
				r.logger.Warn(fmt.Sprintf("bus: passing over a key: %s is there for two roles", f.key))
			}
			r.clashes[f.key], roles[f.key] = true, ""
			continue
		}
		roles[f.key] = f.role
		if base := strings.TrimSuffix(file, publicSuffix); strings.Contains(base, ".") {
			names[base] = f.key
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.roles, r.names = roles, names
}
