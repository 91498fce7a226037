package transport

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
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

// v1 is the framing of the original protocol: unencrypted, 24-byte headers. What
// reads and what writes share the magic only.
type v1 struct {
	magic  [4]byte
	header [headerSize]byte // read
	next   []byte           // written
}

func newV1(net wire.BitcoinNet) *v1 { return &v1{magic: magicOf(net)} }

// magicOf is the magic of a network as it is sent.
func magicOf(net wire.BitcoinNet) (magic [4]byte) {
	binary.LittleEndian.PutUint32(magic[:], uint32(net))
	return magic
}

func (f *v1) read(r *bufio.Reader) (Message, error) {
	h := f.header[:]
	if _, err := io.ReadFull(r, h); err != nil {
		return Message{}, err
	}
	if [4]byte(h[:4]) != f.magic {
		return Message{}, fatal("Header error: Wrong MessageStart %s received", hex.EncodeToString(h[:4]))
	}
	name, valid := typeField(h[4:16])
	size := binary.LittleEndian.Uint32(h[16:20])
	if size > MaxPayload {
		return Message{}, fatal("Header error: Size too large (%s, %d bytes)", Sanitize(name), size)
	}
	payload, err := readPayload(r, int(size))
	if err != nil {
		return Message{}, err
	}
	total := headerSize + int(size)
	if sum := checksum(payload); sum != [4]byte(h[20:24]) {
		return Message{}, dropped(total, "Header error: Wrong checksum (%s, %d bytes), expected %s was %s",
			Sanitize(name), size, hex.EncodeToString(sum[:]), hex.EncodeToString(h[20:24]))
	}
	if !valid {
		return Message{}, dropped(total, "Header error: Invalid message type (%s, %d bytes)", Sanitize(name), size)
	}
	return Message{Type: name, Payload: payload, Size: total}, nil
}

func (f *v1) write(w *bufio.Writer, m Message) (int, error) {
	f.next = f.appendHeader(f.next[:0], m)
	if _, err := w.Write(f.next); err != nil {
		return 0, err
	}
	_, err := w.Write(m.Payload)
	return headerSize + len(m.Payload), err
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
