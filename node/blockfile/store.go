package blockfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/bulkheadnode/bulkhead/internal/durable"
)

const (
	// MaxFileSize is where Bitcoin Core begins a new blk file.
	MaxFileSize = 128 << 20
	// MaxBlockSize bounds a block's serialisation (BIP141: weight 4,000,000).
	MaxBlockSize = 4_000_000
	// maxUndoSize bounds undo data: every input of a block of minimal inputs
	// spending an output with a script of the greatest size would exceed this,
	// but such outputs can only come from 100 times as many blocks.
	maxUndoSize = 512 << 20

	frameSize = 8

	// maxFull bounds the files that wait for a Sync.
	maxFull = 16
)

// Pos is where a record's payload begins: behind the magic and the size.
type Pos struct {
	File   int32
	Offset uint32
}

// Config says where files are and how they look.
type Config struct {
	Dir     string
	Magic   uint32
	Fresh   Key   // used if Dir is new; must be random
	XOR     bool  // -blocksxor
	MaxFile int64 // zero for MaxFileSize
}

// Store appends and reads records.
type Store struct {
	cfg Config
	key Key

	// Whoever makes files durable, or closes them, holds syncing; who appends does
	// not wait for it.
	syncing sync.Mutex

	mu      sync.Mutex // after syncing
	blocks  appender
	full    []*os.File          // blk files before that, written since the last Sync
	undo    map[int32]*appender // rev files written since the last Sync
	scratch []byte
	created int // files since Open
	listed  int // of those, how many the folder's list on the disk has

	// Who asks for sizes does not wait for the disk.
	sizesMu sync.Mutex
	sizes   map[int32]int64 // bytes of each blk file and its rev file
}

type appender struct {
	file *os.File
	num  int32
	size int64
}

// Open creates Dir if needed and finds the file to append to.
func Open(cfg Config) (*Store, error) {
	if cfg.MaxFile == 0 {
		cfg.MaxFile = MaxFileSize
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	key, err := loadKey(cfg.Dir, cfg.Fresh, cfg.XOR)
	if err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, key: key, undo: map[int32]*appender{}, sizes: map[int32]int64{}}
	last, err := s.measure()
	if err != nil {
		return nil, err
	}
	if s.blocks, err = openAppender(s.path("blk", last), last); err != nil {
		return nil, err
	}
	s.created++ // for all that one knows
	_, err = s.undoOf(last)
	return s, err
}

func (s *Store) path(prefix string, num int32) string {
	return filepath.Join(s.cfg.Dir, fmt.Sprintf("%s%05d.dat", prefix, num))
}

// measure notes the sizes of all files and returns the number of the last.
func (s *Store) measure() (last int32, err error) {
	for _, prefix := range []string{"blk", "rev"} {
		names, err := filepath.Glob(filepath.Join(s.cfg.Dir, prefix+"*.dat"))
		if err != nil {
			return 0, err
		}
		for _, name := range names {
			num, ok := fileNumber(prefix, name)
			if _, known := s.sizes[num]; !ok || prefix == "rev" && !known {
				continue // undo data of a file that is gone
			}
			info, err := os.Stat(name)
			if err != nil {
				return 0, err
			}
			s.sizes[num] += info.Size()
			last = max(last, num)
		}
	}
	return last, nil
}

func fileNumber(prefix, path string) (num int32, ok bool) {
	base := filepath.Base(path)
	_, err := fmt.Sscanf(base, prefix+"%d.dat", &num)
	return num, err == nil && num >= 0 && base == fmt.Sprintf("%s%05d.dat", prefix, num)
}

// Files returns the numbers of the blk files that there are, ascending.
func (s *Store) Files() []int32 {
	s.sizesMu.Lock()
	defer s.sizesMu.Unlock()
	return slices.Sorted(maps.Keys(s.sizes))
}

func openAppender(path string, num int32) (appender, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return appender{}, err
	}
	info, err := f.Stat()
	if err != nil {
		return appender{}, errors.Join(err, f.Close())
	}
	return appender{file: f, num: num, size: info.Size()}, nil
}

// AppendBlock writes a block's serialisation. It is durable after Sync.
func (s *Store) AppendBlock(raw []byte) (Pos, error) {
	if len(raw) == 0 || len(raw) > MaxBlockSize {
		return Pos{}, &RecordError{Kind: ErrSize, Path: s.cfg.Dir}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.blocks.size > 0 && s.blocks.size+frameSize+int64(len(raw)) >= s.cfg.MaxFile {
		if err := s.nextFile(); err != nil {
			return Pos{}, err
		}
	}
	offset, err := s.append(&s.blocks, raw, nil)
	return Pos{File: s.blocks.num, Offset: offset}, err
}

func (s *Store) nextFile() error {
	num := s.blocks.num + 1
	next, err := openAppender(s.path("blk", num), num)
	if err != nil {
		return err
	}
	if len(s.full) >= maxFull {
		if err := errors.Join(s.full[0].Sync(), s.full[0].Close()); err != nil {
			return errors.Join(err, next.file.Close())
		}
		s.full = s.full[1:]
	}
	s.full = append(s.full, s.blocks.file)
	s.blocks = next
	s.created++
	return nil
}

// AppendUndo writes undo data to the rev file with number file and returns
// its offset there. prev is the hash of the block before.
func (s *Store) AppendUndo(file int32, prev chainhash.Hash, undo []byte) (uint32, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	to, err := s.undoOf(file)
	if err != nil {
		return 0, err
	}
	sum := checksum(prev, undo)
	return s.append(to, undo, sum[:])
}

func (s *Store) undoOf(file int32) (*appender, error) {
	to := s.undo[file]
	if to == nil {
		opened, err := openAppender(s.path("rev", file), file)
		if err != nil {
			return nil, err
		}
		to = &opened
		s.undo[file] = to
		if opened.size == 0 {
			s.created++
		}
	}
	return to, nil
}

func checksum(prev chainhash.Hash, undo []byte) chainhash.Hash {
	return chainhash.DoubleHashH(slices.Concat(prev[:], undo))
}

// append writes one record in one system call.
func (s *Store) append(to *appender, payload, trailer []byte) (uint32, error) {
	b := s.scratch[:0]
	b = binary.LittleEndian.AppendUint32(b, s.cfg.Magic)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(payload)))
	b = append(append(b, payload...), trailer...)
	s.scratch = b
	s.key.apply(b, to.size)
	if _, err := to.file.WriteAt(b, to.size); err != nil {
		return 0, err
	}
	offset := to.size + frameSize
	to.size += int64(len(b))
	s.sizesMu.Lock()
	defer s.sizesMu.Unlock()
	s.sizes[to.num] += int64(len(b))
	return uint32(offset), nil
}

// ReadBlock returns the block at pos.
func (s *Store) ReadBlock(pos Pos) ([]byte, error) {
	return s.read(s.path("blk", pos.File), pos, MaxBlockSize, 0)
}

// ReadUndo returns the undo data at pos in a rev file. prev is the hash of the
// block before.
func (s *Store) ReadUndo(pos Pos, prev chainhash.Hash) ([]byte, error) {
	path := s.path("rev", pos.File)
	b, err := s.read(path, pos, maxUndoSize, chainhash.HashSize)
	if err != nil {
		return nil, err
	}
	undo, sum := b[:len(b)-chainhash.HashSize], b[len(b)-chainhash.HashSize:]
	if checksum(prev, undo) != chainhash.Hash(sum) {
		return nil, &RecordError{Kind: ErrChecksum, Path: path, Pos: pos}
	}
	return undo, nil
}

func (s *Store) read(path string, pos Pos, limit uint32, trailer int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if pos.Offset < frameSize {
		return nil, &RecordError{Kind: ErrMagic, Path: path, Pos: pos}
	}
	start := int64(pos.Offset) - frameSize
	var frame [frameSize]byte
	if _, err := f.ReadAt(frame[:], start); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s.key.apply(frame[:], start)
	if binary.LittleEndian.Uint32(frame[:]) != s.cfg.Magic {
		return nil, &RecordError{Kind: ErrMagic, Path: path, Pos: pos}
	}
	size := binary.LittleEndian.Uint32(frame[4:])
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if size > limit || int64(pos.Offset)+int64(size)+int64(trailer) > info.Size() {
		return nil, &RecordError{Kind: ErrSize, Path: path, Pos: pos}
	}
	b := make([]byte, int(size)+trailer)
	if _, err := f.ReadAt(b, int64(pos.Offset)); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s.key.apply(b, int64(pos.Offset))
	return b, nil
}

// Sync makes everything durable that was appended before the call. Others may
// append meanwhile.
func (s *Store) Sync() error {
	s.syncing.Lock()
	defer s.syncing.Unlock()
	return s.sync()
}

// sync is Sync for who holds syncing.
func (s *Store) sync() error {
	open, done, created := s.written()
	var err error
	for _, file := range open {
		err = errors.Join(err, file.Sync())
	}
	for _, file := range done {
		err = errors.Join(err, file.Sync(), file.Close())
	}
	if created > s.listed {
		// A file that the folder does not know of is lost with the power.
		err = errors.Join(err, durable.Names(s.cfg.Dir))
	}
	if err == nil {
		s.listed = created
	}
	return err
}

// written returns the files that are not durable: those that stay open, and
// those that are the caller's to close, to which nothing is appended any more or
// not by this handle. created is how many files there were by then.
func (s *Store) written() (open, done []*os.File, created int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	open, done = []*os.File{s.blocks.file}, s.full
	s.full = nil
	for num, to := range s.undo {
		if num == s.blocks.num {
			open = append(open, to.file)
		} else {
			done = append(done, to.file)
			delete(s.undo, num)
		}
	}
	return open, done, s.created
}

// Close syncs and closes the files.
func (s *Store) Close() error {
	s.syncing.Lock()
	defer s.syncing.Unlock()
	err := s.sync()
	s.mu.Lock()
	defer s.mu.Unlock()
	err = errors.Join(err, s.blocks.file.Close())
	for _, to := range s.undo {
		err = errors.Join(err, to.file.Close())
	}
	s.undo = nil
	return err
}

// OpenFile returns a Scanner over one blk file of the store, for reindexing.
func (s *Store) OpenFile(num int32) (*Scanner, func() error, error) {
	f, err := os.Open(s.path("blk", num))
	if err != nil {
		return nil, nil, err
	}
	return NewScanner(f, s.cfg.Magic, s.key), f.Close, nil
}

// OpenLoose returns a Scanner over a file that is not one of the store's, for
// -loadblock. Such files are not obfuscated.
func OpenLoose(path string, magic uint32) (*Scanner, func() error, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	return NewScanner(f, magic, Key{}), f.Close, nil
}

// DiskSize returns the bytes of all blk and rev files.
func (s *Store) DiskSize() int64 {
	s.sizesMu.Lock()
	defer s.sizesMu.Unlock()
	total := int64(0)
	for _, size := range s.sizes {
		total += size
	}
	return total
}

// FileSize returns the bytes of a blk file and its rev file.
func (s *Store) FileSize(num int32) int64 {
	s.sizesMu.Lock()
	defer s.sizesMu.Unlock()
	return s.sizes[num]
}

// End returns where the next block will be written, or before.
func (s *Store) End() Pos {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Pos{File: s.blocks.num, Offset: uint32(s.blocks.size)}
}
