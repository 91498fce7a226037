package link

import (
	"bufio"
	"bytes"
	"testing"
)

// FuzzReadMessage: whatever bytes arrive, reading ends without a panic and
// within the limits; a message that was read is written back to the same
// frames.
func FuzzReadMessage(f *testing.F) {
	f.Add([]byte{0x00, 0x05, 'h', 'e', 'l', 'l', 'o'})
	f.Add([]byte{0x01, 0x01, 'a', 0x00, 0x00})
	f.Add([]byte("\x04\x08\x04PONGctx"))
	f.Add([]byte{0x02, 0, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3})
	f.Add([]byte{0x02, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		limits := Limits{FrameBytes: 1 << 16, MessageBytes: 1 << 17, Frames: 16}.withDefaults()
		msg, command, err := readMessage(bufio.NewReader(bytes.NewReader(data)), limits)
		if err != nil || command {
			return
		}
		if len(msg) > limits.Frames || msg.size() > limits.MessageBytes {
			t.Fatalf("%d frames, %d bytes", len(msg), msg.size())
		}
		var out bytes.Buffer
		w := bufio.NewWriter(&out)
		if err := writeMessage(w, msg); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		again, _, err := readMessage(bufio.NewReader(&out), limits)
		if err != nil || len(again) != len(msg) {
			t.Fatalf("read back: %v", err)
		}
		for i := range msg {
			if !bytes.Equal(msg[i], again[i]) {
				t.Fatalf("frame %d changed", i)
			}
		}
	})
}
