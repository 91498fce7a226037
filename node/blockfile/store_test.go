package blockfile

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const magic = 0xd9b4bef9

func open(t *testing.T, dir string, cfg Config) *Store {
	t.Helper()
	cfg.Dir, cfg.Magic = dir, magic
	s, err := Open(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func block(fill byte, size int) []byte { return bytes.Repeat([]byte{fill}, size) }

func TestMendKey(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Dir: dir, Magic: magic, XOR: true, Fresh: Key{1, 2, 3, 4, 5, 6, 7, 8}}
	path := filepath.Join(dir, "xor.dat")
	require.NoError(t, MendKey(dir, magic), "there is nothing yet")
	s, err := Open(cfg)
	require.NoError(t, err)
	genesis := append([]byte{1, 0, 0, 0}, make([]byte, 281)...)
	genesis[100] = 7
	pos, err := s.AppendBlock(genesis)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	for _, damaged := range [][]byte{{}, {1, 2, 3}, {0, 2, 3, 4, 5, 6, 7, 8}, {1, 2, 3, 4, 4, 6, 7, 8}} {
		require.NoError(t, os.WriteFile(path, damaged, 0o600))
		if len(damaged) < 8 {
			_, err := Open(cfg)
			require.ErrorIs(t, err, ErrMisfit)
			require.ErrorContains(t, err, path+" is corrupt")
		}
		require.NoError(t, MendKey(dir, magic+1))
		if len(damaged) == 8 {
			s, err := Open(cfg)
			require.NoError(t, err)
			require.ErrorIs(t, s.CheckKey(), ErrMisfit)
			require.NoError(t, s.Close())
		}
		require.NoError(t, MendKey(dir, magic))
		s, err := Open(cfg)
		require.NoError(t, err)
		raw, err := s.ReadBlock(pos)
		require.NoError(t, err)
		require.Equal(t, genesis, raw)
		require.NoError(t, s.Close())
	}
	// A file that does not begin with genesis tells nothing.
	require.NoError(t, os.WriteFile(filepath.Join(dir, "blk00000.dat"), block(9, 300), 0o600))
	require.NoError(t, os.WriteFile(path, []byte{1}, 0o600))
	require.NoError(t, MendKey(dir, magic))
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, []byte{1}, raw)
}

// A key that is not the one that the files were written with is found at once.
func TestCheckKey(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Dir: dir, Magic: magic, XOR: true, Fresh: Key{1, 2, 3, 4, 5, 6, 7, 8}}
	s, err := Open(cfg)
	require.NoError(t, err)
	require.NoError(t, s.CheckKey(), "there is no block yet")
	_, err = s.AppendBlock(make([]byte, 285))
	require.NoError(t, err)
	require.NoError(t, s.CheckKey())
	require.NoError(t, s.Close())
	for _, damaged := range []Key{{0, 2, 3, 4, 5, 6, 7, 8}, {1, 2, 3, 4, 5, 6, 7, 0x18}} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "xor.dat"), damaged[:], 0o600))
		s, err := Open(cfg)
		require.NoError(t, err)
		err = s.CheckKey()
		require.ErrorIs(t, err, ErrMisfit)
		require.ErrorContains(t, err, "xor.dat or "+filepath.Join(dir, "blk00000.dat")+" is corrupt")
		require.NoError(t, s.Close())
	}
}

func TestBlocksSurviveReopening(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Fresh: Key{1, 2, 3, 4, 5, 6, 7, 8}, XOR: true, MaxFile: 500}
	s := open(t, dir, cfg)
	var where []Pos
	for i := range byte(4) {
		pos, err := s.AppendBlock(block(i, 200))
		require.NoError(t, err)
		where = append(where, pos)
	}
	require.Equal(t, []Pos{{0, 8}, {0, 216}, {1, 8}, {1, 216}}, where)
	require.NoError(t, s.Close())

	s = open(t, dir, cfg)
	pos, err := s.AppendBlock(block(9, 100))
	require.NoError(t, err)
	require.Equal(t, Pos{2, 8}, pos)
	for i := range byte(4) {
		got, err := s.ReadBlock(where[i])
		require.NoError(t, err)
		require.Equal(t, block(i, 200), got)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "blk00000.dat"))
	require.NoError(t, err)
	require.Equal(t, byte(0xf8), raw[0])
	require.Equal(t, byte(0), raw[216])
}

func TestUndoChecksum(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Config{})
	prev := chainhash.Hash{7}
	offset, err := s.AppendUndo(3, prev, []byte("undo"))
	require.NoError(t, err)
	got, err := s.ReadUndo(Pos{3, offset}, prev)
	require.NoError(t, err)
	require.Equal(t, "undo", string(got))

	_, err = s.ReadUndo(Pos{3, offset}, chainhash.Hash{8})
	require.ErrorIs(t, err, ErrChecksum)
	_, err = s.ReadUndo(Pos{3, offset + 1}, prev)
	require.ErrorIs(t, err, ErrMagic)
	var where *RecordError
	require.ErrorAs(t, err, &where)
	require.Equal(t, offset+1, where.Pos.Offset)
}

func TestHostileSizeIsNotAllocated(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Config{})
	b := binary.LittleEndian.AppendUint32(nil, magic)
	b = binary.LittleEndian.AppendUint32(b, 0xffffffff)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "blk00005.dat"), b, 0o600))
	_, err := s.ReadBlock(Pos{5, 8})
	require.ErrorIs(t, err, ErrSize)
}

func TestOldFilesAreNotObfuscated(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "blk00000.dat"), nil, 0o600))
	s := open(t, dir, Config{Fresh: Key{1}, XOR: true})
	require.Equal(t, Key{}, s.key)
}

func TestKeyCannotBeDisabled(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, Config{Fresh: Key{1}, XOR: true})
	_, err := Open(Config{Dir: dir})
	require.ErrorIs(t, err, ErrKey)
}

func TestScannerResynchronises(t *testing.T) {
	record := func(payload []byte) []byte {
		b := binary.LittleEndian.AppendUint32(nil, magic)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(payload)))
		return append(b, payload...)
	}
	var file []byte
	file = append(file, "garbage"...)
	file = append(file, record(block(1, 100))...)
	file = append(file, record(block(2, 10))...) // too short to be a block
	inner := append(block(3, 50), record(block(4, 90))...)
	file = append(file, record(inner)...)
	file = append(file, make([]byte, 5_000_000)...)
	file = append(file, record(block(5, 80))...)
	file = append(file, record(block(6, 3000))[:1000]...) // truncated

	s := NewScanner(bytes.NewReader(file), magic, Key{})
	next := func() []byte {
		b, offset, err := s.Next()
		require.NoError(t, err)
		require.Equal(t, b, file[offset:int(offset)+len(b)])
		return b
	}
	require.Equal(t, block(1, 100), next())
	require.Equal(t, inner, next())
	s.Reject()
	require.Equal(t, block(4, 90), next())
	require.Equal(t, block(5, 80), next())
	_, _, err := s.Next()
	require.ErrorIs(t, err, io.EOF)
}

// What is appended while older files are made durable, or deleted, is there, and
// no file is lost sight of: after a Sync none waits for one.
func TestAppendingBesideSync(t *testing.T) {
	s := open(t, t.TempDir(), Config{MaxFile: 1000})
	var places []Pos
	for i := range 3 * maxFull {
		pos, err := s.AppendBlock(block(byte(i), 900))
		require.NoError(t, err)
		places = append(places, pos)
		_, err = s.AppendUndo(pos.File, chainhash.Hash{}, block(byte(i), 10))
		require.NoError(t, err)
	}
	require.LessOrEqual(t, len(s.full), maxFull)
	var others sync.WaitGroup
	for range 3 {
		others.Go(func() { assert.NoError(t, s.Sync()) })
	}
	others.Go(func() { assert.NoError(t, s.Remove(0)) })
	for i := range 40 {
		pos, err := s.AppendBlock(block(byte(i), 900))
		require.NoError(t, err)
		places = append(places, pos)
	}
	others.Wait()
	require.NoError(t, s.Sync())
	require.Empty(t, s.full)
	require.Equal(t, s.created, s.listed)
	for i, pos := range places[1:] {
		raw, err := s.ReadBlock(pos)
		require.NoError(t, err)
		require.Equal(t, byte((i+1)%(3*maxFull)), raw[0])
	}
	require.NoError(t, s.Close())
}
