package link

import "time"

// Limits bounds what one link may hold. The zero value of a field stands for
// its default.
type Limits struct {
	FrameBytes    int           // one frame; default 32 MiB
	MessageBytes  int           // all frames of a message; default 64 MiB
	Frames        int           // frames in a message; default 4096
	QueueMessages int           // outbound queue; default 16384
	QueueBytes    int           // outbound queue; default 128 MiB
	Handshake     time.Duration // greeting to READY; default 30 s, negative for no limit
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
	return l
}
