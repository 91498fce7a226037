package null_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bulkheadnode/bulkhead/internal/zmtp"
	"github.com/bulkheadnode/bulkhead/internal/zmtp/null"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 10 * time.Second

// greeting is a ZMTP 3.0 greeting with mechanism NULL, written from RFC 23.
func greeting() []byte {
	g := make([]byte, zmtp.GreetingSize)
	g[0], g[9], g[10] = 0xff, 0x7f, 3
	copy(g[zmtp.MechanismAt:], "NULL")
	return g
}

func property(name, value string) []byte {
	p := binary.BigEndian.AppendUint32(zmtp.AppendName(nil, name), uint32(len(value)))
	return append(p, value...)
}

// ready is the READY command of a DEALER, with its head.
func ready(more ...byte) []byte {
	body := zmtp.AppendCommand(nil, "READY", property("Socket-Type", "DEALER"))
	body = append(body, more...)
	return append(zmtp.AppendHead(nil, zmtp.Command, len(body)), body...)
}

// script is a connection whose peer has sent some bytes and waits.
type script struct {
	net.Conn
	in        *bytes.Reader
	deadlines []time.Time
}

func (s *script) Read(p []byte) (int, error) {
	if s.in.Len() == 0 {
		return 0, os.ErrDeadlineExceeded
	}
	return s.in.Read(p)
}

func (s *script) Write(p []byte) (int, error) { return len(p), nil }

func (s *script) SetDeadline(t time.Time) error {
	s.deadlines = append(s.deadlines, t)
	return nil
}

// shake performs a handshake as a ROUTER with a peer that sends so many bytes,
// and returns what came of it and the reader.
func shake(sent []byte, timeout time.Duration) (identity string, nc *script, r *bufio.Reader, err error) {
	nc = &script{in: bytes.NewReader(sent)}
	r = bufio.NewReader(nc)
	identity, err = null.Handshake(nc, r, "ROUTER", timeout)
	return identity, nc, r, err
}

func TestTheFirstFrameIsLeftToTheCaller(t *testing.T) {
	for identity, command := range map[string][]byte{
		"":   ready(),
		"it": ready(property("Identity", "it")...),
	} {
		got, _, r, err := shake(append(append(greeting(), command...), "\x00\x05first"...), patience)
		require.NoError(t, err)
		require.Equal(t, identity, got)
		frame, err := r.Peek(7)
		require.NoError(t, err)
		require.Equal(t, "\x00\x05first", string(frame))
	}
}

func TestAREADYOfALongHeadIsRead(t *testing.T) {
	long := ready(property("X-Filler", string(make([]byte, 300)))...)
	require.EqualValues(t, zmtp.Command|zmtp.Long, long[0])
	_, _, _, err := shake(append(greeting(), long...), patience)
	require.NoError(t, err)
}

func TestSizesAreRefusedBeforeMemoryIsTaken(t *testing.T) {
	for _, size := range []uint64{1025, 1 << 40, 1 << 62, 1<<64 - 1} {
		claim := binary.BigEndian.AppendUint64([]byte{zmtp.Command | zmtp.Long}, size)
		_, _, _, err := shake(append(greeting(), claim...), patience)
		var limit *zmtp.LimitError
		require.ErrorAs(t, err, &limit)
		require.Equal(t, zmtp.LimitError{What: "handshake command", Size: size, Limit: 1024}, *limit)
	}
}

func TestHostileHandshakesAreRefused(t *testing.T) {
	several := ready()
	several[0] |= zmtp.More
	for name, test := range map[string]struct {
		sent []byte
		want string
	}{
		"no ZMTP":            {make([]byte, zmtp.GreetingSize), "greeting"},
		"several frames":     {append(greeting(), several...), "handshake of more than one frame"},
		"malformed metadata": {append(greeting(), "\x04\x09\x05READY\xff\xff\xff"...), "unexpected EOF"},
		"metadata cut short": {append(greeting(), "\x04\x09\x05READY\x02ab"...), "malformed handshake metadata"},
		"a message":          {append(greeting(), 0, 1, 'x'), "handshake"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, _, err := shake(test.sent, patience)
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestTheDeadlineIsThatOfTheHandshake(t *testing.T) {
	for _, sent := range [][]byte{nil, greeting(), append(greeting(), zmtp.Command)} {
		_, nc, _, err := shake(sent, patience)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Len(t, nc.deadlines, 1)
		require.WithinRange(t, nc.deadlines[0], time.Now(), time.Now().Add(patience))
	}
	_, nc, _, err := shake(append(greeting(), ready()...), patience)
	require.NoError(t, err)
	require.Len(t, nc.deadlines, 2)
	require.Zero(t, nc.deadlines[1])
	_, nc, _, err = shake(append(greeting(), ready()...), 0)
	require.NoError(t, err)
	require.Equal(t, []time.Time{{}}, nc.deadlines)
}

// FuzzHandshake: whatever a peer sends, the handshake ends without a panic, and
// with no more of it read than a greeting and a small READY.
func FuzzHandshake(f *testing.F) {
	f.Add(append(greeting(), ready(property("Identity", "it")...)...))
	f.Add(append(greeting(), "\x04\x09\x05READY\x02ab"...))
	f.Add(append(greeting(), "\x06\x40\x00\x00\x00\x00\x00\x00\x00"...))
	f.Add([]byte("GET / HTTP/1.1\r\n"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		identity, nc, r, err := shake(sent, patience)
		taken := len(sent) - nc.in.Len() - r.Buffered()
		require.LessOrEqual(t, taken, zmtp.GreetingSize+zmtp.LongHead+1024)
		require.LessOrEqual(t, len(identity), taken)
		if err == nil {
			require.Greater(t, taken, zmtp.GreetingSize)
		}
	})
}
