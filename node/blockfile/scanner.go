package blockfile

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"

	"github.com/btcsuite/btcd/wire/v2"
)

// Scanner reads block after block from a file in blk framing. It skips
// padding, garbage and truncated records by searching for the next magic.
type Scanner struct {
	r      *bufio.Reader
	magic  [4]byte
	offset int64 // of the next unread byte
	last   int   // bytes of the record returned last, still in the buffer
}

// NewScanner reads from r, whose bytes are XORed with key.
func NewScanner(r io.Reader, magic uint32, key Key) *Scanner {
	s := &Scanner{r: bufio.NewReaderSize(&xorReader{r: r, key: key}, MaxBlockSize+frameSize)}
	binary.LittleEndian.PutUint32(s.magic[:], magic)
	return s
}

// Next returns the next record's payload and the offset at which it begins in
// the file. The bytes are valid until the next call. It fails with io.EOF at
// the end, or with the reader's error.
func (s *Scanner) Next() ([]byte, int64, error) {
	s.discard(s.last)
	s.last = 0
	for {
		if err := s.seek(); err != nil {
			return nil, 0, err
		}
		frame, err := s.r.Peek(frameSize)
		if err != nil {
			return nil, 0, err
		}
		size := int(binary.LittleEndian.Uint32(frame[4:]))
		if size < wire.MaxBlockHeaderPayload || size > MaxBlockSize {
			s.discard(1)
			continue
		}
		record, err := s.r.Peek(frameSize + size)
		if err == io.EOF {
			s.discard(1)
			continue
		}
		if err != nil {
			return nil, 0, err
		}
		s.last = len(record)
		return record[frameSize:], s.offset + frameSize, nil
	}
}

// Reject tells that the last payload was no block: the search goes on right
// behind its magic, because a real record may begin within it.
func (s *Scanner) Reject() { s.last = min(s.last, 1) }

// seek discards bytes until the magic is next.
func (s *Scanner) seek() error {
	for {
		b, err := s.r.Peek(max(s.r.Buffered(), len(s.magic)))
		if err != nil {
			return err
		}
		if i := bytes.Index(b, s.magic[:]); i >= 0 {
			s.discard(i)
			return nil
		}
		s.discard(len(b) - len(s.magic) + 1)
	}
}

// discard skips bytes that are known to be buffered.
func (s *Scanner) discard(n int) {
	skipped, _ := s.r.Discard(n)
	s.offset += int64(skipped)
}

type xorReader struct {
	r      io.Reader
	key    Key
	offset int64
}

func (x *xorReader) Read(b []byte) (int, error) {
	n, err := x.r.Read(b)
	x.key.apply(b[:n], x.offset)
	x.offset += int64(n)
	return n, err
}
