package link

import (
	"time"

	"github.com/bulkheadnode/bulkhead/internal/zmtp"
)

// Limits bounds what one link may hold and how long it may be silent. The
// zero value of a field stands for its default. No silence ends a link: on a
// line that is slow for what is queued, the answer to a ping is late.
//
// The outbound queue's bounds count for ordinary messages; reserved ones may
// use twice as much, and one message may always wait alone. Its memory is more
// than the bytes that wait: it is held in pieces of 16 to 256 KiB.
type Limits struct {
	FrameBytes    int           // one frame; default 32 MiB
	MessageBytes  int           // all frames of a message; default 64 MiB
	Frames        int           // frames in a message; default 4096
	QueueMessages int           // outbound queue; default 16384
	QueueBytes    int           // memory held by the outbound queue; default 128 MiB
	Handshake     time.Duration // greeting to READY; default 30 s, negative for no limit
	Heartbeat     time.Duration // silence after which the peer is pinged; default 10 s, negative for never
}

func (l Limits) withDefaults() Limits {
	set := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	set(&l.FrameBytes, 32<<20)
	set(&l.MessageBytes, 64<<20)
	set(&l.Frames, 4096)
	set(&l.QueueMessages, 16384)
	set(&l.QueueBytes, 128<<20)
	if l.Handshake == 0 {
		l.Handshake = 30 * time.Second
	}
	if l.Heartbeat == 0 {
		l.Heartbeat = 10 * time.Second
	}
	return l
}

// check holds a message that is to be sent against the limits: its peer, if it
// has the same, would end the link for it.
func (l Limits) check(largest, size, frames int) error {
	switch {
	case largest > l.FrameBytes:
		return &LimitError{What: "frame", Size: uint64(largest), Limit: l.FrameBytes}
	case size > l.MessageBytes:
		return &LimitError{What: "message", Size: uint64(size), Limit: l.MessageBytes}
	case frames > l.Frames:
		return &LimitError{What: "frame count", Size: uint64(frames), Limit: l.Frames}
	}
	return nil
}

// LimitError tells which limit a peer, or a message to it, exceeded.
type LimitError = zmtp.LimitError
