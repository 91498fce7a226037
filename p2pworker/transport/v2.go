package transport

import (
	"bufio"
	"io"
)

// maxContents is the largest size of a packet's contents that is accepted, in
// bytes: a type in full and a payload. It equals Bitcoin Core's.
const maxContents = longTypeSize + MaxPayload

// v2Encoder makes packets of messages (BIP324). Its cipher is used by nobody else.
type v2Encoder struct{ cipher *packetCipher }

func (e *v2Encoder) write(w *bufio.Writer, m Message) (int, error) {
	contents := typeSize(m.Type) + len(m.Payload)
	size := packetOverhead + contents
	if size > w.Available() && size <= w.Size() {
		if err := w.Flush(); err != nil {
			return 0, err
		}
	}
	// What fits is encrypted in the buffer. Of a larger payload a copy is needed:
	// who handed it over may have others to send it to.
	packet := w.AvailableBuffer()
	if size > w.Available() {
		packet = make([]byte, 0, size)
	}
	packet = e.cipher.begin(packet, contents, false)
	packet = appendType(packet, m.Type)
	packet = append(packet, m.Payload...)
	packet, err := e.cipher.finish(packet, nil)
	if err != nil {
		return 0, err
	}
	_, err = w.Write(packet)
	return size, err
}

// v2Decoder makes messages of packets. Its cipher is used by nobody else.
type v2Decoder struct{ cipher *packetCipher }

func (d *v2Decoder) read(r *bufio.Reader) (Message, error) {
	for {
		contents, decoy, err := d.packet(r, nil)
		if err != nil {
			return Message{}, err
		}
		if !decoy {
			return d.message(contents)
		}
	}
}

// packet reads the next packet. aad is what it has to authenticate besides.
func (d *v2Decoder) packet(r io.Reader, aad []byte) (contents []byte, decoy bool, err error) {
	var length [lengthSize]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, false, err
	}
	size := d.cipher.size(length)
	if size > maxContents {
		return nil, false, fatal("V2 transport error: packet too large (%d bytes)", size)
	}
	sealed, err := readPayload(r, packetHeader+size+packetTag)
	if err != nil {
		return nil, false, err
	}
	contents, decoy, err = d.cipher.open(sealed, aad)
	if err != nil {
		return nil, false, fatal("V2 transport error: packet decryption failure (%d bytes)", size)
	}
	return contents, decoy, nil
}

func (d *v2Decoder) message(contents []byte) (Message, error) {
	size := packetOverhead + len(contents)
	name, payload, ok := cutType(contents)
	if !ok {
		return Message{}, dropped(size, "V2 transport error: invalid message type (%d bytes contents)", len(contents))
	}
	// A short type leaves room for twelve bytes more than a message may have.
	if len(payload) > MaxPayload {
		return Message{}, fatal("V2 transport error: packet too large (%d bytes)", len(contents))
	}
	return Message{Type: name, Payload: payload, Size: size}, nil
}
