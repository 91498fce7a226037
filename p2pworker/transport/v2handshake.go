package transport

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"io"
)

// versionField is the type field of the message with which v1 begins.
const versionField = "version\x00\x00\x00\x00\x00"

// prefixSize is how much of a v1 connection tells it from a v2 one.
const prefixSize = 4 + len(versionField)

// handshake is the beginning of a connection on which v2 may be spoken (BIP324,
// "Overall handshake"). It only reads; what is to be written it hands over.
type handshake struct {
	magic     [4]byte
	initiator bool
	r         *bufio.Reader
	// write takes bytes that precede all messages, in order, and with the last of
	// them the encoder of the messages.
	write func(raw []byte, e encoder)
}

// run reads up to the first message. id is the session ID; it is nil, and the
// decoder too, if the peer speaks v1. Nothing of that has been taken from r then.
func (h *handshake) run() (d *v2Decoder, id []byte, err error) {
	if !h.initiator {
		if v1, err := h.speaksV1(); v1 || err != nil {
			return nil, nil, err
		}
	}
	ours, err := newEphemeralKey()
	if err != nil {
		return nil, nil, err
	}
	return h.exchange(ours, randomGarbage())
}

// speaksV1 reads, byte by byte, until what came is not, or is, how v1 begins: the
// peer may wait for our key with the rest of its own.
func (h *handshake) speaksV1() (bool, error) {
	prefix := append(h.magic[:], versionField...)
	for n := 1; n <= prefixSize; n++ {
		head, err := h.r.Peek(n)
		if err != nil {
			return false, err
		}
		if !bytes.HasPrefix(prefix, head) {
			return false, nil
		}
	}
	return true, nil
}

// exchange begins with our key.
func (h *handshake) exchange(ours ephemeralKey, garbage []byte) (*v2Decoder, []byte, error) {
	h.write(append(ours.public[:], garbage...), nil)
	theirs, err := h.theirKey()
	if err != nil {
		return nil, nil, err
	}
	c, err := ours.agree(theirs, h.initiator, h.magic)
	if err != nil {
		return nil, nil, err
	}
	// The version packet authenticates our garbage. It is empty.
	version, err := c.send.finish(c.send.begin(nil, 0, false), garbage)
	if err != nil {
		return nil, nil, err
	}
	h.write(append(c.sendTerminator[:], version...), &v2Encoder{c.send})
	d := &v2Decoder{c.receive}
	if err := h.awaitVersion(d, c.receiveTerminator); err != nil {
		return nil, nil, err
	}
	return d, c.id[:], nil
}

// theirKey reads the peer's public key.
func (h *handshake) theirKey() (theirs [keySize]byte, err error) {
	if !h.initiator {
		// No key looks like this but by the greatest of chances.
		head, err := h.r.Peek(prefixSize)
		if err != nil {
			return theirs, noEOF(err)
		}
		if string(head[4:]) == versionField {
			return theirs, fatal("V2 transport error: V1 peer with wrong MessageStart %s", hex.EncodeToString(head[:4]))
		}
	}
	_, err = io.ReadFull(h.r, theirs[:])
	return theirs, err
}

// awaitVersion reads the peer's garbage, then packets until one is no decoy: the
// version packet, the contents of which mean nothing yet. The first one has to
// authenticate the garbage.
func (h *handshake) awaitVersion(d *v2Decoder, terminator [terminatorSize]byte) error {
	aad, err := h.garbage(terminator)
	if err != nil {
		return err
	}
	for {
		_, decoy, err := d.packet(h.r, aad)
		if err != nil {
			return noEOF(err)
		}
		if !decoy {
			return nil
		}
		aad = nil
	}
}

// garbage reads up to the terminator, and returns what precedes it.
func (h *handshake) garbage(terminator [terminatorSize]byte) ([]byte, error) {
	got := make([]byte, 0, maxGarbage+terminatorSize)
	for len(got) < cap(got) {
		b, err := h.r.ReadByte()
		if err != nil {
			return nil, noEOF(err)
		}
		got = append(got, b)
		if garbage, found := bytes.CutSuffix(got, terminator[:]); found {
			return garbage, nil
		}
	}
	return nil, fatal("V2 transport error: missing garbage terminator")
}

// randomGarbage returns up to maxGarbage bytes, any number of them: it is to look
// like nothing (BIP324).
func randomGarbage() []byte {
	var n [2]byte
	// crypto/rand.Read never fails: it ends the process instead.
	_, _ = rand.Read(n[:])
	garbage := make([]byte, binary.LittleEndian.Uint16(n[:])%(maxGarbage+1))
	_, _ = rand.Read(garbage)
	return garbage
}
