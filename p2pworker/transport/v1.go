package transport

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/btcsuite/btcd/wire/v2"
)

// MaxPayload is the largest payload accepted or sent, in bytes. It equals
// Bitcoin Core's MAX_PROTOCOL_MESSAGE_LENGTH.
const MaxPayload = wire.MaxProtocolMessageLength

// headerSize is magic (4), type (12), length (4, little endian) and the first
// 4 bytes of the payload's double SHA-256.
const headerSize = wire.MessageHeaderSize

// eagerAlloc is how much of a payload is allocated on the word of a header
// alone. The rest is allocated once this much has really arrived.
const eagerAlloc = 256 << 10

// HeaderError says why a message could not be framed. Its text is the one
// Bitcoin Core logs, without the peer.
type HeaderError struct {
	// Text is the reason, e.g. "Wrong MessageStart ffffffff received".
	Text string
	// Fatal is true when the stream cannot be read any further.
	Fatal bool
	// Size is the number of bytes the bad message took on the wire.
	Size int
}

func (e *HeaderError) Error() string { return "Header error: " + e.Text }

// v1 is the framing of the original protocol: unencrypted, 24-byte headers.
type v1 struct {
	magic  [4]byte
	header [headerSize]byte
}

func newV1(net wire.BitcoinNet) *v1 {
	f := &v1{}
	binary.LittleEndian.PutUint32(f.magic[:], uint32(net))
	return f
}

func (f *v1) read(r io.Reader) (Message, error) {
	h := f.header[:]
	if _, err := io.ReadFull(r, h); err != nil {
		return Message{}, err
	}
	if [4]byte(h[:4]) != f.magic {
		return Message{}, fatal(0, "Wrong MessageStart %s received", hex.EncodeToString(h[:4]))
	}
	name, valid := typeField(h[4:16])
	size := binary.LittleEndian.Uint32(h[16:20])
	if size > MaxPayload {
		return Message{}, fatal(0, "Size too large (%s, %d bytes)", Sanitize(name), size)
	}
	payload, err := readPayload(r, int(size))
	if err != nil {
		return Message{}, err
	}
	total := headerSize + int(size)
	if sum := checksum(payload); sum != [4]byte(h[20:24]) {
		return Message{}, dropped(total, "Wrong checksum (%s, %d bytes), expected %s was %s",
			Sanitize(name), size, hex.EncodeToString(sum[:]), hex.EncodeToString(h[20:24]))
	}
	if !valid {
		return Message{}, dropped(total, "Invalid message type (%s, %d bytes)", Sanitize(name), size)
	}
	return Message{Type: name, Payload: payload, Size: total}, nil
}

func (f *v1) appendHeader(dst []byte, m Message) []byte {
	var name [MaxTypeLength]byte
	copy(name[:], m.Type)
	dst = append(dst, f.magic[:]...)
	dst = append(dst, name[:]...)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(m.Payload)))
	sum := checksum(m.Payload)
	return append(dst, sum[:]...)
}

func (f *v1) overhead() int { return headerSize }

func fatal(size int, format string, args ...any) error {
	return &HeaderError{Text: fmt.Sprintf(format, args...), Fatal: true, Size: size}
}

func dropped(size int, format string, args ...any) error {
	return &HeaderError{Text: fmt.Sprintf(format, args...), Size: size}
}

// checksum is the first four bytes of the double SHA-256 of payload.
func checksum(payload []byte) [4]byte {
	first := sha256.Sum256(payload)
	second := sha256.Sum256(first[:])
	return [4]byte(second[:4])
}

// typeField reads a NUL-padded type. It is valid when every byte before the
// padding is printable ASCII and every byte after the first NUL is NUL.
func typeField(field []byte) (string, bool) {
	n, valid := len(field), true
	for i, b := range field {
		if b == 0 {
			n = i
			break
		}
		if b < 0x20 || b > 0x7e {
			valid = false
		}
	}
	for _, b := range field[n:] {
		if b != 0 {
			valid = false
		}
	}
	return internType(field[:n]), valid
}

func readPayload(r io.Reader, size int) ([]byte, error) {
	if size <= eagerAlloc {
		payload := make([]byte, size)
		_, err := io.ReadFull(r, payload)
		return payload, noEOF(err)
	}
	first := make([]byte, eagerAlloc)
	if _, err := io.ReadFull(r, first); err != nil {
		return nil, noEOF(err)
	}
	payload := make([]byte, size)
	copy(payload, first)
	_, err := io.ReadFull(r, payload[eagerAlloc:])
	return payload, noEOF(err)
}

// noEOF turns a clean end into ErrUnexpectedEOF: inside a message no end is clean.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Sanitize keeps the characters of text that Bitcoin Core lets through into
// its log from a stranger: letters, digits and " .,;-_/:?@()".
func Sanitize(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		case strings.ContainsRune(" .,;-_/:?@()", r):
			return r
		}
		return -1
	}, text)
}
