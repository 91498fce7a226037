package blockfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Key is XORed over the files, repeated from file offset zero.
type Key [8]byte

// apply XORs b, which is at offset in its file, in place.
func (k Key) apply(b []byte, offset int64) {
	if k == (Key{}) {
		return
	}
	var rotated Key
	for i := range rotated {
		rotated[i] = k[(offset+int64(i))%8]
	}
	for len(b) >= 8 {
		for i, x := range rotated {
			b[i] ^= x
		}
		b = b[8:]
	}
	for i := range b {
		b[i] ^= rotated[i]
	}
}

// loadKey reads xor.dat, or creates it: with the fresh key if the folder is
// new, else with zeros, because the files there are not obfuscated.
func loadKey(dir string, fresh Key, use bool) (Key, error) {
	path := filepath.Join(dir, "xor.dat")
	raw, err := os.ReadFile(path)
	if err == nil {
		if len(raw) != len(Key{}) {
			return Key{}, fmt.Errorf("%w: %d bytes in %s", ErrKey, len(raw), path)
		}
		if !use && Key(raw) != (Key{}) {
			return Key{}, &KeyError{fmt.Sprintf("The blocksdir XOR-key can not be disabled when a random key was already stored! "+
				"Stored key: '%x', stored path: '%s'.", raw, path)}
		}
		return Key(raw), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return Key{}, err
	}
	first, err := onlyHiddenFiles(dir)
	if err != nil {
		return Key{}, err
	}
	var key Key
	if use && first {
		key = fresh
	}
	return key, os.WriteFile(path, key[:], 0o600)
}

// CheckKey reads the beginning of the first block file and fails with a
// *MisfitError if it makes no sense. With a damaged key all blocks would seem
// to be damaged.
func (s *Store) CheckKey() error {
	files := s.Files()
	if len(files) == 0 {
		return nil
	}
	path := s.path("blk", files[0])
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var frame [frameSize]byte
	switch _, err := io.ReadFull(f, frame[:]); {
	case errors.Is(err, io.EOF):
		return nil // it is empty
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return err
	}
	s.key.apply(frame[:], 0)
	size := binary.LittleEndian.Uint32(frame[4:])
	if binary.LittleEndian.Uint32(frame[:]) != s.cfg.Magic || size < minBlockSize || size > MaxBlockSize {
		return &MisfitError{filepath.Join(s.cfg.Dir, "xor.dat"), path}
	}
	return nil
}

func onlyHiddenFiles(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		if entry.Type().IsRegular() && !strings.HasPrefix(entry.Name(), ".") {
			return false, err
		}
	}
	return true, err
}
