package zmqpub

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/zmtp"
)

// outsiderScript is a subscriber built on libzmq. It prints every message as
// a line of JSON.
const outsiderScript = `
import json, sys, zmq
s = zmq.Context().socket(zmq.SUB)
for topic in sys.argv[2].split(","):
    s.setsockopt_string(zmq.SUBSCRIBE, topic)
if len(sys.argv) > 3:
    s.setsockopt(zmq.HEARTBEAT_IVL, int(sys.argv[3]))
    s.setsockopt(zmq.HEARTBEAT_TIMEOUT, 3 * int(sys.argv[3]))
s.setsockopt(zmq.IPV6, 1)
s.connect(sys.argv[1])
print("ready", flush=True)
while True:
    print(json.dumps([f.hex() for f in s.recv_multipart()]), flush=True)
`

// outsider starts python3-zmq and returns the messages it gets.
func outsider(t *testing.T, endpoint, topics string, more ...string) <-chan [][]byte {
	t.Helper()
	cmd := exec.Command("/usr/bin/python3", append([]string{"-c", outsiderScript, endpoint, topics}, more...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	require.True(t, lines.Scan(), "python3-zmq is needed: %s", &stderr)
	messages := make(chan [][]byte, 10_000)
	var wg sync.WaitGroup
	wg.Go(func() {
		for lines.Scan() {
			var frames []string
			if json.Unmarshal(lines.Bytes(), &frames) == nil {
				messages <- decodeAll(frames)
			}
		}
	})
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		wg.Wait()
		_ = cmd.Wait()
	})
	return messages
}

func decodeAll(frames []string) (list [][]byte) {
	for _, f := range frames {
		b, _ := hex.DecodeString(f)
		list = append(list, b)
	}
	return list
}

func serve(t *testing.T, endpoint string, cfg Config) (*Publisher, string) {
	t.Helper()
	l, err := Listen(context.Background(), endpoint)
	require.NoError(t, err)
	p := New(l, cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
	})
	return p, l.Addr().String()
}

// patience is how long something may take on a busy machine.
const patience = time.Minute

func message(topic, body string, count uint32) [][]byte {
	return [][]byte{[]byte(topic), []byte(body), binary.LittleEndian.AppendUint32(nil, count)}
}

// settle publishes until the outsider has heard the last of it: subscribers of
// ZeroMQ miss what comes before their subscription has arrived, or while they
// are not connected.
func settle(t *testing.T, p *Publisher, messages <-chan [][]byte) {
	t.Helper()
	deadline := time.After(patience)
	for try := 0; ; try++ {
		last := fmt.Sprint(try)
		p.Publish(message("settle", last, 0))
		for again := time.After(20 * time.Millisecond); again != nil; {
			select {
			case m := <-messages:
				require.Equal(t, "settle", string(m[0]))
				if string(m[1]) == last {
					return
				}
			case <-again:
				again = nil
			case <-deadline:
				require.FailNow(t, "the outsider heard nothing")
			}
		}
	}
}

func receive(t *testing.T, messages <-chan [][]byte) [][]byte {
	t.Helper()
	select {
	case m := <-messages:
		return m
	case <-time.After(patience):
		require.FailNow(t, "no message")
		return nil
	}
}

func TestOutsiderGetsWhatItSubscribedTo(t *testing.T) {
	for name, endpoint := range map[string]string{
		"tcp4": "tcp://127.0.0.1:0", "tcp6": "tcp://[::1]:0", "any": "tcp://*:0",
		"unix": Endpoint("unix:" + filepath.Join(t.TempDir(), "zmq.sock")),
	} {
		t.Run(name, func(t *testing.T) {
			p, address := serve(t, endpoint, Config{})
			connect := "tcp://" + strings.Replace(address, "0.0.0.0", "127.0.0.1", 1)
			if name == "unix" {
				connect = endpoint
			}
			messages := outsider(t, connect, "settle,hash")
			settle(t, p, messages)
			big := strings.Repeat("x", 3_000_000)
			p.Publish(message("hashblock", "one", 7))
			p.Publish(message("rawtx", "not wanted", 0))
			p.Publish(message("hashtx", big, 8))
			require.Equal(t, message("hashblock", "one", 7), receive(t, messages))
			require.True(t, bytes.Equal([]byte(big), receive(t, messages)[1]))
		})
	}
}

func TestHeartbeatsAreAnswered(t *testing.T) {
	p, address := serve(t, "tcp://127.0.0.1:0", Config{})
	messages := outsider(t, "tcp://"+address, "settle,hash", "50")
	settle(t, p, messages)
	// A subscriber that misses a PONG for 150 ms reconnects: twenty intervals
	// later the same connection must still be there. A busy machine may be late
	// now and then, but not in each of many seconds.
	lasts := false
	for try := 0; try < 30 && !lasts; try++ {
		before := p.someone()
		timer := time.NewTimer(time.Second)
		<-timer.C
		lasts = before != nil && before == p.someone()
	}
	require.True(t, lasts, "it reconnects all the time")
	settle(t, p, messages)
	p.Publish(message("hashblock", "after", 0))
	require.Equal(t, "after", string(receive(t, messages)[1]))
}

// someone returns the only subscriber, nil if there is none.
func (p *Publisher) someone() (s *subscriber) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for s = range p.subscribers {
	}
	return s
}

// client is a ZMTP peer made by hand.
type client struct {
	t  *testing.T
	nc net.Conn
	r  *bufio.Reader
}

func dial(t *testing.T, address string) *client {
	nc, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { nc.Close() })
	require.NoError(t, nc.SetDeadline(time.Now().Add(patience)))
	return &client{t: t, nc: nc, r: bufio.NewReader(nc)}
}

func (c *client) write(b ...byte) {
	_, err := c.nc.Write(b)
	require.NoError(c.t, err)
}

func (c *client) greet() {
	g := make([]byte, 64)
	g[0], g[9], g[10] = 0xff, 0x7f, 3
	copy(g[12:], "NULL")
	c.write(g...)
	_, err := io.ReadFull(c.r, make([]byte, 64))
	require.NoError(c.t, err)
}

func (c *client) handshake() {
	c.greet()
	ready := zmtp.AppendCommand(nil, "READY", append([]byte("\x0bSocket-Type\x00\x00\x00\x03"), "SUB"...))
	c.write(append([]byte{zmtp.Command, byte(len(ready))}, ready...)...)
	f, err := readFrame(c.r)
	require.NoError(c.t, err)
	name, _, ok := zmtp.SplitCommand(f.body)
	require.True(c.t, ok)
	require.Equal(c.t, "READY", string(name))
}

func (c *client) command(name, body string) {
	b := zmtp.AppendCommand(nil, name, []byte(body))
	c.write(append([]byte{zmtp.Command, byte(len(b))}, b...)...)
}

// ping waits for its PONG: everything sent before has then been handled.
func (c *client) ping() {
	c.command("PING", "\x00\x00ctx")
	f, err := readFrame(c.r)
	require.NoError(c.t, err)
	require.Equal(c.t, zmtp.AppendCommand(nil, "PONG", []byte("ctx")), f.body)
	require.True(c.t, f.command)
}

func (c *client) closed() {
	c.t.Helper()
	_, err := io.Copy(io.Discard, c.r)
	if err != nil {
		require.NotErrorIs(c.t, err, context.DeadlineExceeded)
		require.NotContains(c.t, err.Error(), "timeout")
	}
}

func TestSubscriptionsByCommandAndByMessage(t *testing.T) {
	p, address := serve(t, "tcp://127.0.0.1:0", Config{})
	c := dial(t, address)
	c.handshake()
	c.command("SUBSCRIBE", "a")
	c.write(0, 2, 1, 'b')
	c.write(0, 2, 1, 'b')
	c.ping()
	for _, topic := range []string{"a1", "b1", "c1"} {
		p.Publish(message(topic, "", 0))
	}
	c.expect("a1", "b1")
	c.command("CANCEL", "a")
	c.write(0, 2, 0, 'b')
	c.ping()
	for _, topic := range []string{"a2", "b2"} {
		p.Publish(message(topic, "", 0))
	}
	c.expect("b2")
	c.ping()
}

// expect reads messages of three frames by topic.
func (c *client) expect(topics ...string) {
	c.t.Helper()
	for _, want := range topics {
		for i := range 3 {
			f, err := readFrame(c.r)
			require.NoError(c.t, err)
			require.Equal(c.t, i < 2, f.more)
			if i == 0 {
				require.Equal(c.t, want, string(f.body))
			}
		}
	}
}

func TestMalformedClientsAreClosed(t *testing.T) {
	p, address := serve(t, "tcp://127.0.0.1:0", Config{})
	good := dial(t, address)
	good.handshake()
	for name, bad := range map[string]func(*client){
		"no ZMTP": func(c *client) { c.write(bytes.Repeat([]byte("GET / "), 20)...) },
		"huge READY": func(c *client) {
			c.greet()
			c.write(zmtp.Command|zmtp.Long, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
		},
		"bad metadata":      func(c *client) { c.greet(); c.write(append([]byte{zmtp.Command, 8}, "\x05READY\xffx"...)...) },
		"huge subscription": func(c *client) { c.handshake(); c.write(zmtp.Long, 0, 0, 0, 0, 0, 0, 2, 0) },
		"endless frame":     func(c *client) { c.handshake(); c.write(zmtp.Long, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff) },
		"reserved flags":    func(c *client) { c.handshake(); c.write(0xf0, 0) },
		"empty command":     func(c *client) { c.handshake(); c.write(zmtp.Command, 0) },
		"short PING":        func(c *client) { c.handshake(); c.command("PING", "") },
		"too many": func(c *client) {
			c.handshake()
			for i := range maxSubscriptions + 1 {
				c.write(0, 3, 1, byte(i), byte(i>>8))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, address)
			bad(c)
			c.closed()
		})
	}
	good.command("SUBSCRIBE", "x")
	good.ping()
	p.Publish(message("x", "", 0))
	good.expect("x")
}

func TestSilentClientsDelayNobodyAndAreDropped(t *testing.T) {
	_, address := serve(t, "tcp://127.0.0.1:0", Config{Handshake: 300 * time.Millisecond})
	silent := dial(t, address)
	c := dial(t, address)
	c.handshake()
	c.ping()
	silent.closed()
}

func TestSlowSubscriberLosesItsOwnMessagesOnly(t *testing.T) {
	p, address := serve(t, "tcp://127.0.0.1:0", Config{HighWaterMark: 10, QueueBytes: 8 << 20})
	slow, good := dial(t, address), dial(t, address)
	for _, c := range []*client{slow, good} {
		c.handshake()
		c.command("SUBSCRIBE", "x")
		c.ping()
	}
	body := strings.Repeat("y", 1<<20)
	for range 40 {
		p.Publish(message("x", body, 0))
		for range 3 {
			_, err := readLarge(good.r)
			require.NoError(t, err)
		}
	}
	subscribers, dropped := p.Stats()
	require.Equal(t, 2, subscribers)
	require.Positive(t, dropped)
	p.mu.RLock()
	defer p.mu.RUnlock()
	for s := range p.subscribers {
		s.mu.Lock()
		queued, size := len(s.queue), s.bytes
		s.mu.Unlock()
		require.LessOrEqual(t, queued, 10)
		require.LessOrEqual(t, size, 9<<20)
	}
}

// readLarge reads a frame of any size.
func readLarge(r *bufio.Reader) (int64, error) {
	flags, err := r.ReadByte()
	if err != nil {
		return 0, err
	}
	n := 1
	if flags&zmtp.Long != 0 {
		n = 8
	}
	var size uint64
	for range n {
		b, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		size = size<<8 | uint64(b)
	}
	return io.CopyN(io.Discard, r, int64(size))
}

// FuzzReadFrame feeds bytes of a subscriber to the frame reader.
func FuzzReadFrame(f *testing.F) {
	f.Add([]byte{0, 2, 1, 'b'})
	f.Add([]byte{zmtp.Command, 6, 4, 'P', 'I', 'N', 'G', 0})
	f.Add([]byte{zmtp.Long, 0, 0, 0, 0, 0, 0, 1, 1})
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := bufio.NewReader(bytes.NewReader(raw))
		s := newSubscriber(nil, Config{}.withDefaults())
		for {
			fr, err := readFrame(r)
			if err != nil {
				return
			}
			if len(fr.body) > maxFrame {
				t.Fatalf("frame of %d bytes", len(fr.body))
			}
			if fr.command {
				_ = s.obey(fr.body)
			}
		}
	})
}
