package blockfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/internal/durable"
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

// keyFile is the name of the file that holds the key.
const keyFile = "xor.dat"

// loadKey reads xor.dat, or creates it: with the fresh key if the folder is
// new, else with zeros, because the files there are not obfuscated.
func loadKey(dir string, fresh Key, use bool) (Key, error) {
	path := filepath.Join(dir, keyFile)
	raw, err := os.ReadFile(path)
	if err == nil {
		if len(raw) != len(Key{}) {
			return Key{}, fmt.Errorf("%w: %s is corrupt: %d bytes", ErrMisfit, path, len(raw))
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
	return key, storeKey(dir, key)
}

// storeKey writes xor.dat in one step: half a key would make a folder useless.
func storeKey(dir string, key Key) error {
	return durable.Replace(filepath.Join(dir, keyFile), key[:], 0o600)
}

// zerosOffset is where genesis, the first block of the first file, has the hash
// of the block before it, which is zero: magic and size, and the version.
const zerosOffset = frameSize + 4

// keyOf finds out from the first block file with which key it was written, if
// it begins with genesis.
func keyOf(dir string, magic uint32) (key Key, found bool, err error) {
	var head [zerosOffset + chainhash.HashSize]byte
	f, err := os.Open(filepath.Join(dir, "blk00000.dat"))
	if errors.Is(err, fs.ErrNotExist) {
		return key, false, nil
	}
	if err != nil {
		return key, false, err
	}
	defer f.Close()
	if _, err := io.ReadFull(f, head[:]); err != nil {
		return key, false, nil // it holds no block
	}
	for i := range key {
		key[(zerosOffset+i)%len(key)] = head[zerosOffset+i]
	}
	key.apply(head[:], 0)
	zeros := [chainhash.HashSize]byte(head[zerosOffset:]) == [chainhash.HashSize]byte{}
	return key, zeros && binary.LittleEndian.Uint32(head[:]) == magic, nil
}

// MendKey writes the key anew that the block files in dir were written with, if
// xor.dat is not the right one and the first file shows what is. No Store may
// have dir open.
func MendKey(dir string, magic uint32) error {
	key, found, err := keyOf(dir, magic)
	if err != nil || !found {
		return err
	}
	stored, err := os.ReadFile(filepath.Join(dir, keyFile))
	if err == nil && bytes.Equal(stored, key[:]) {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return storeKey(dir, key)
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
	if right, found, err := keyOf(s.cfg.Dir, s.cfg.Magic); err != nil || found && right != s.key {
		return errors.Join(err, &MisfitError{filepath.Join(s.cfg.Dir, keyFile), path})
	}
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
	if binary.LittleEndian.Uint32(frame[:]) != s.cfg.Magic || size < wire.MaxBlockHeaderPayload || size > MaxBlockSize {
		return &MisfitError{filepath.Join(s.cfg.Dir, keyFile), path}
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
