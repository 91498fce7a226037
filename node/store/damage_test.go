package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// image is the content of a database's files by name.
type image map[string][]byte

func imageOf(t *testing.T, dir string) image {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	files := image{}
	for _, entry := range entries {
		raw, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // the database has removed it meanwhile
		}
		require.NoError(t, err)
		if strings.HasSuffix(entry.Name(), ".mem") {
			raw = []byte(strings.TrimRight(string(raw), "\x00"))
		}
		files[entry.Name()] = raw
	}
	return files
}

func (files image) lay(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, raw := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), raw, 0o600))
	}
	return dir
}

const (
	testKeys   = 20_000
	testRounds = 8
)

// fill writes entries that fill tables and logs. It returns the files as the
// death of the process leaves them, and as Close does.
func fill(t *testing.T) (killed, closed image) {
	t.Helper()
	dir := t.TempDir()
	db := open(t, dir)
	for round := range testRounds {
		require.NoError(t, db.Write(func(w Writer) error {
			for i := range uint32(testKeys) {
				if err := w.Put(key(i), value(uint32(round), i)); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	killed = imageOf(t, dir)
	require.NoError(t, db.Close())
	return killed, imageOf(t, dir)
}

func key(i uint32) []byte { return binary.BigEndian.AppendUint32([]byte("k"), i) }

func value(round, i uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(make([]byte, 40), round), i)
}

// consistent reports whether the entries are those of a moment of fill: it
// writes them in order, round after round.
func consistent(t *testing.T, db *DB) bool {
	t.Helper()
	count, first, last := 0, uint32(0), uint32(0)
	require.NoError(t, db.Each([]byte("k"), func(k, v []byte) error {
		require.Equal(t, uint32(count), binary.BigEndian.Uint32(k[1:]))
		require.Equal(t, uint32(count), binary.BigEndian.Uint32(v[44:]))
		last = binary.BigEndian.Uint32(v[40:])
		if count == 0 {
			first = last
		}
		count++
		return nil
	}))
	return count == testKeys && (last == first || last+1 == first)
}

// A bit that flips anywhere is found and named, unless the entries are those
// of an earlier moment, as after a crash of the machine.
func TestFlippedBitIsFound(t *testing.T) {
	killed, closed := fill(t)
	rng := rand.New(rand.NewPCG(7, 7))
	found := 0
	for _, files := range []image{killed, closed} {
		for name, sound := range files {
			for range min(5, len(sound)) {
				damaged := bytes.Clone(sound)
				at := rng.IntN(len(sound))
				damaged[at] ^= 1 << rng.IntN(8)
				files[name] = damaged
				dir := files.lay(t)
				db, err := Open(Config{Dir: dir})
				if err != nil {
					found++
					require.ErrorIs(t, err, ErrCorrupt, "%s at %d", name, at)
					require.Contains(t, err.Error(), dir)
				} else {
					require.True(t, consistent(t, db), "%s at %d", name, at)
					require.NoError(t, db.Close())
				}
			}
			files[name] = sound
		}
	}
	require.Greater(t, found, 20)
}

// A log of a process that was killed, damaged in the middle: the entries behind
// it would be lost without a word.
func TestGapIsFound(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	for i := range uint32(30) {
		require.NoError(t, db.Write(func(w Writer) error { return w.Put(key(i), value(0, i)) }))
	}
	require.NoError(t, db.Write(func(w Writer) error { return w.Delete(ringKey(17)) }))
	require.NoError(t, db.Close())
	_, err := Open(Config{Dir: dir})
	require.ErrorIs(t, err, ErrCorrupt)
	require.Contains(t, err.Error(), dir)
}

// What a crash of the machine takes from the end is not damage.
func TestLostEndIsNoDamage(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	for i := range uint32(30) {
		require.NoError(t, db.Write(func(w Writer) error { return w.Put(key(i), value(0, i)) }))
	}
	files := imageOf(t, dir)
	require.NoError(t, db.Close())
	for name, raw := range files {
		if strings.HasSuffix(name, ".mem") {
			files[name] = raw[:len(raw)*2/3]
		}
	}

	db = open(t, files.lay(t))
	defer func() { require.NoError(t, db.Close()) }()
	require.Greater(t, db.seq, uint64(10))
	require.Less(t, db.seq, uint64(30))
	for i := range uint32(30) {
		v, err := db.Get(key(i))
		require.NoError(t, err)
		require.Equal(t, uint64(i) < db.seq, v != nil, "entry %d of %d", i, db.seq)
	}
}

// The folder of a LevelDB, such as Bitcoin Core's, is left alone.
func TestForeignDatabaseIsRefused(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "CURRENT"), []byte("MANIFEST-000002\n"), 0o600))
	_, err := Open(Config{Dir: dir})
	require.ErrorIs(t, err, ErrForeign)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

func TestExamineNamesTheTable(t *testing.T) {
	_, files := fill(t)
	dir := files.lay(t)
	db := open(t, dir)
	defer func() { require.NoError(t, db.Close()) }()
	require.NoError(t, db.ExamineAll())
	require.NoError(t, db.Examine(key(5)))
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	require.NoError(t, err)
	for _, path := range tables {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte{0xff, 0xff}, 100)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	require.ErrorIs(t, db.Examine(key(5)), ErrCorrupt)
	require.ErrorIs(t, db.ExamineAll(), ErrCorrupt)
	require.NoError(t, db.Examine([]byte("zzz")))
}

// A compaction cuts a table off while it is being read: that is an error like others, and
// not the end of the process.
func TestATableThatIsCutOffMeanwhileIsSurvived(t *testing.T) {
	_, closed := fill(t)
	var name string
	for n, raw := range closed {
		if strings.HasSuffix(n, ".sst") && (name == "" || len(raw) > len(closed[name])) {
			name = n
		}
	}
	require.NotEmpty(t, name)
	path := filepath.Join(t.TempDir(), name)
	failed := 0
	for round := range 400 {
		require.NoError(t, os.WriteFile(path, closed[name], 0o600))
		cut := make(chan error)
		go func() {
			for range round * 50 { // a little later each time
				runtime.Gosched()
			}
			cut <- os.Truncate(path, 0)
		}()
		if checkTable(path) != nil {
			failed++
		}
		require.NoError(t, <-cut)
	}
	require.Positive(t, failed)
}
