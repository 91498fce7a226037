package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/badger/v4/y"
	"github.com/dgraph-io/ristretto/v2/z"
)

// checkTables reads all tables of a database that is not open and compares
// their checksums. Badger itself takes a damaged block for the end of its
// table, both when it looks up a key and when it compacts.
func checkTables(opts badger.Options) error {
	manifest, err := readManifest(opts)
	if err != nil {
		return err
	}
	ids := make([]uint64, 0, len(manifest.Tables))
	for id := range manifest.Tables {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		path := table.NewFilename(id, opts.Dir)
		if err := checkTable(path); err != nil {
			return &CorruptError{path, err}
		}
	}
	return nil
}

// readManifest reads the list of tables; it is empty for a new database.
func readManifest(opts badger.Options) (badger.Manifest, error) {
	path := filepath.Join(opts.Dir, badger.ManifestFilename)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return badger.Manifest{}, nil
	}
	if err != nil {
		return badger.Manifest{}, err
	}
	defer f.Close()
	manifest, _, err := badger.ReplayManifestFile(f, opts.ExternalMagicVersion, opts)
	if err != nil {
		err = &CorruptError{path, err}
	}
	return manifest, err
}

// checkTable reads one table. The library panics at some kinds of damage, and the kernel
// ends a process that reads a mapped file where it is not any more: a compaction cuts a
// table off to remove it, and a disk may fail.
func checkTable(path string) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("malformed table: %v", fault)
		}
	}()
	if err := checkFooter(path); err != nil {
		return err
	}
	file, err := z.OpenMmapFile(path, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	t, err := table.OpenTable(file, table.Options{
		ReadOnly: true, BlockSize: badger.DefaultOptions("").BlockSize, ChkMode: options.OnBlockRead,
	})
	if err != nil {
		return err
	}
	return errors.Join(t.VerifyChecksum(), t.Close(-1))
}

// maxChecksumSize bounds the encoded checksum of a table's index.
const maxChecksumSize = 64

// checkFooter verifies that the sizes at the end of a table lie within it: the
// library ends the process if they do not. A table ends with its index, the
// index's size, the index's checksum, and that one's size, both as uint32
// big-endian.
func checkFooter(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	left := info.Size()
	for _, limit := range []int64{maxChecksumSize, left} {
		var word [4]byte
		if left -= 4; left < 0 {
			return errors.New("it is too short for a table")
		}
		if _, err := f.ReadAt(word[:], left); err != nil {
			return err
		}
		size := int64(binary.BigEndian.Uint32(word[:]))
		if left -= size; left < 0 || size > limit {
			return fmt.Errorf("its end speaks of %d bytes", size)
		}
	}
	return nil
}

// Examine reads the tables that could hold key and compares their checksums. A
// key that Get does not find may be one that was lost with a damaged block:
// call it before anything is destroyed because a key is absent.
func (d *DB) Examine(key []byte) error {
	return d.examine(func(t badger.TableInfo) bool {
		return bytes.Compare(y.ParseKey(t.Left), key) <= 0 && bytes.Compare(key, y.ParseKey(t.Right)) <= 0
	})
}

// ExamineAll is Examine for all keys.
func (d *DB) ExamineAll() error {
	return d.examine(func(badger.TableInfo) bool { return true })
}

func (d *DB) examine(concerns func(badger.TableInfo) bool) error {
	if d.db.Opts().InMemory {
		return nil
	}
	for _, info := range d.db.Tables() {
		if !concerns(info) {
			continue
		}
		path := table.NewFilename(info.ID, d.db.Opts().Dir)
		err := checkTable(path)
		// A compaction may have replaced it meanwhile.
		if err != nil && d.has(info.ID) {
			return &CorruptError{path, err}
		}
	}
	return nil
}

func (d *DB) has(id uint64) bool {
	return slices.ContainsFunc(d.db.Tables(), func(t badger.TableInfo) bool { return t.ID == id })
}
