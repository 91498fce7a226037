package secure

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/internal/zmtp"
)

func concat(parts ...[]byte) (all []byte) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func command(body string) []byte {
	return append(zmtp.AppendHead(nil, zmtp.Command, len(body)), body...)
}

func claim(flags byte, size uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{flags | zmtp.Long}, size)
}

// sentReason returns the reason in the ERROR that ends what was written.
func sentReason(t *testing.T, r *replay) string {
	t.Helper()
	parts := split(t, r.written.Bytes())
	last := parts[len(parts)-1]
	reason, ok := errorReason(last[zmtp.ShortHead:])
	require.True(t, ok, "no ERROR at the end: %q", last)
	return reason
}

func TestTheServerRefusesInTheGreeting(t *testing.T) {
	old := greeting("CURVE", 1, false)
	old[10] = 2
	for name, test := range map[string]struct {
		in   []byte
		kind Kind
	}{
		"NULL":         {greeting("NULL", 0, false), ErrMechanism},
		"PLAIN":        {greeting("PLAIN", 1, false), ErrMechanism},
		"CURVES":       {greeting("CURVES", 1, false), ErrMechanism},
		"hidden tail":  {greeting("CURVE\x00X", 1, false), ErrMechanism},
		"ZMTP 2":       {old[:11], ErrMechanism},
		"a server":     {greeting("CURVE", 1, true), ErrMechanism},
		"HTTP":         {[]byte("GET / HTTP/1.1\r\n"), ErrMalformed},
		"no signature": {make([]byte, 64), ErrMalformed},
		"ten bytes":    {[]byte("\xff12345678X"), ErrMalformed},
		"nothing":      {nil, ErrRefused},
		"half":         {greeting("CURVE", 1, false)[:40], ErrRefused},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplay(test.in)
			err := fixedServer(r, Limits{}).Handshake(t.Context())
			require.ErrorIs(t, err, test.kind)
			require.True(t, r.closed)
		})
	}
}

func TestTheServerSaysWhyItRefuses(t *testing.T) {
	ours, _ := ourTranscript(t)
	parts := split(t, ours)
	hello, initiate := parts[1], parts[2]
	wrongVersion := append([]byte(nil), hello...)
	wrongVersion[zmtp.ShortHead+7] = 1
	padded := append([]byte(nil), hello...)
	padded[zmtp.ShortHead+30] = 1
	for name, test := range map[string]struct {
		after []byte
		kind  Kind
	}{
		"INITIATE first":        {initiate, ErrLimit},
		"HELLO 1.1":             {wrongVersion, ErrMalformed},
		"a padding not of 0":    {padded, ErrMalformed},
		"HELLO twice":           {concat(hello, hello), ErrMalformed},
		"HELLO of 201 bytes":    {claim(zmtp.Command, 201), ErrLimit},
		"HELLO of 2^62 bytes":   {claim(zmtp.Command, 1<<62), ErrLimit},
		"HELLO of 2^64-1 bytes": {claim(zmtp.Command, math.MaxUint64), ErrLimit},
		"INITIATE of 2^62":      {concat(hello, claim(zmtp.Command, 1<<62)), ErrLimit},
		"INITIATE of 1025":      {concat(hello, claim(zmtp.Command, 1025)), ErrLimit},
		"a message":             {[]byte{0, 1, 'x'}, ErrMalformed},
		"an empty command":      {command(""), ErrMalformed},
		"reserved flags":        {[]byte{0x84, 0}, ErrMalformed},
		"a command with MORE":   {[]byte{0x05, 0}, ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplay(concat(parts[0], test.after))
			err := fixedServer(r, Limits{}).Handshake(t.Context())
			require.ErrorIs(t, err, test.kind)
			require.Equal(t, test.kind.reason(), sentReason(t, r))
		})
	}
}

func TestTheServerRefusesTheWrongKeys(t *testing.T) {
	ours, _ := ourTranscript(t)
	for name, test := range map[string]struct {
		cfg  ServerConfig
		kind Kind
	}{
		"its own":      {ServerConfig{Key: fixedKey(9), Authorize: only(fixedKey(2).Public())}, ErrServerKey},
		"the client's": {ServerConfig{Key: fixedKey(1), Authorize: only(fixedKey(9).Public())}, ErrClientKey},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplay(ours)
			c := newServer(r, test.cfg, fixedRandom(1))
			require.ErrorIs(t, c.Handshake(t.Context()), test.kind)
			require.Equal(t, test.kind.reason(), sentReason(t, r))
			_, err := c.Read(make([]byte, 1))
			require.ErrorIs(t, err, test.kind)
			_, err = c.Write(nullReady("ROUTER"))
			require.ErrorIs(t, err, test.kind)
			require.Zero(t, c.Peer())
		})
	}
	t.Run("replayed to another handshake", func(t *testing.T) {
		cfg := ServerConfig{Key: fixedKey(1), Authorize: only(fixedKey(2).Public())}
		err := newServer(newReplay(ours), cfg, fixedRandom(3)).Handshake(t.Context())
		require.ErrorIs(t, err, ErrForged, "the cookie is another's")
	})
}

func TestAuthorizeIsNotAskedBeforeTheKeyIsProven(t *testing.T) {
	ours, _ := ourTranscript(t)
	parts := split(t, ours)
	for i := zmtp.LongHead; i < len(parts[2]); i++ {
		changed := append([]byte(nil), parts[2]...)
		changed[i] ^= 1
		cfg := ServerConfig{Key: fixedKey(1), Authorize: func(PublicKey) error {
			t.Errorf("asked although byte %d was changed", i)
			return nil
		}}
		err := newServer(newReplay(concat(parts[0], parts[1], changed)), cfg, fixedRandom(1)).Handshake(t.Context())
		require.Error(t, err)
	}
}

// initiateWith drives a client's handshake by hand and sends the INITIATE that
// change makes.
func initiateWith(t *testing.T, change func(c *clientShake, short [32]byte) (number uint64, plain []byte)) error {
	t.Helper()
	a, b := socketPair(t)
	ended := make(chan error, 1)
	go func() { ended <- fixedServer(a, Limits{}).Handshake(context.Background()) }()
	c := &clientShake{wire: &wire{newInbox(b), b}, rand: fixedRandom(2), key: fixedKey(2), server: fixedKey(1).Public()}
	require.NoError(t, c.greet(false))
	require.NoError(t, c.sendHello())
	short, cookie, err := c.readWelcome()
	require.NoError(t, err)
	number, plain := change(c, short)
	body := zmtp.AppendCommand(nil, "INITIATE", cookie)
	require.NoError(t, c.send(appendNumberedBox(body, "CurveZMQINITIATE", number, plain, sharedKey(t, short, c.short))))
	return <-ended
}

func sharedKey(t *testing.T, public [32]byte, secret *Key) *[32]byte {
	t.Helper()
	key, err := precompute(public, secret)
	require.NoError(t, err)
	return key
}

func TestTheServerRefusesWhatAnAuthenticClientMayNotSay(t *testing.T) {
	good := newMetadata("DEALER", "").raw
	plain := func(c *clientShake, short, vouchFor, vouchTo [32]byte, meta []byte) []byte {
		public := c.key.Public()
		vouch, err := appendRandomBox(public[:], c.rand, "VOUCH---", concat(vouchFor[:], vouchTo[:]), sharedKey(t, short, &c.key))
		require.NoError(t, err)
		return append(vouch, meta...)
	}
	for name, test := range map[string]struct {
		change func(c *clientShake, short [32]byte) (uint64, []byte)
		kind   Kind
	}{
		"as it should be": {func(c *clientShake, short [32]byte) (uint64, []byte) {
			return 2, plain(c, short, c.short.Public(), c.server, good)
		}, ""},
		"HELLO's number": {func(c *clientShake, short [32]byte) (uint64, []byte) {
			return 1, plain(c, short, c.short.Public(), c.server, good)
		}, ErrNonce},
		"a vouch for another connection": {func(c *clientShake, short [32]byte) (uint64, []byte) {
			return 2, plain(c, short, fixedKey(7).Public(), c.server, good)
		}, ErrForged},
		"a vouch to another server": {func(c *clientShake, short [32]byte) (uint64, []byte) {
			return 2, plain(c, short, c.short.Public(), fixedKey(7).Public(), good)
		}, ErrForged},
		"somebody else's key": {func(c *clientShake, short [32]byte) (uint64, []byte) {
			p := plain(c, short, c.short.Public(), c.server, good)
			other := fixedKey(7).Public()
			copy(p, other[:])
			return 2, p
		}, ErrForged},
		"a key of low order, which anybody can vouch for": {func(c *clientShake, short [32]byte) (uint64, []byte) {
			known := [32]byte([]byte(lowOrderKey))
			ours := c.short.Public()
			vouch, err := appendRandomBox(make([]byte, 32), c.rand, "VOUCH---", concat(ours[:], c.server[:]), &known)
			require.NoError(t, err)
			return 2, append(vouch, good...)
		}, ErrForged},
		"no metadata": {func(c *clientShake, short [32]byte) (uint64, []byte) {
			return 2, plain(c, short, c.short.Public(), c.server, nil)
		}, ErrMalformed},
		"an identity of 256 bytes": {func(c *clientShake, short [32]byte) (uint64, []byte) {
			return 2, plain(c, short, c.short.Public(), c.server, newMetadata("DEALER", string(make([]byte, 256))).raw)
		}, ErrLimit},
	} {
		t.Run(name, func(t *testing.T) {
			err := initiateWith(t, test.change)
			if test.kind == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, test.kind)
		})
	}
}

func TestLowOrderKeysAreRefusedEverywhere(t *testing.T) {
	minusOne := [32]byte(bytes.Repeat([]byte{0xff}, 32)) // p-1 is of order 4
	minusOne[0], minusOne[31] = 0xec, 0x7f
	for _, point := range [][32]byte{{}, {1}, minusOne} {
		key := fixedKey(1)
		_, err := precompute(point, &key)
		require.ErrorIs(t, err, ErrForged)
	}
}

func TestOurClientIsToldWhyOurServerRefuses(t *testing.T) {
	for kind, cfg := range map[Kind]ClientConfig{
		ErrServerKey: {Key: fixedKey(2), Server: fixedKey(9).Public()},
		ErrClientKey: {Key: fixedKey(9), Server: fixedKey(1).Public()},
	} {
		a, b := socketPair(t)
		ended := make(chan error, 1)
		go func() { ended <- fixedServer(a, Limits{}).Handshake(context.Background()) }()
		err := Client(b, cfg).Handshake(t.Context())
		require.ErrorIs(t, err, ErrRefused)
		require.ErrorContains(t, err, kind.reason())
		require.ErrorIs(t, <-ended, kind)
	}
}

func TestTheClientRefuses(t *testing.T) {
	_, theirs := ourTranscript(t)
	parts := split(t, theirs)
	welcome := parts[1]
	forged := append([]byte(nil), parts[2]...)
	forged[len(forged)-1] ^= 1
	for name, test := range map[string]struct {
		in   []byte
		kind Kind
	}{
		"NULL":                 {greeting("NULL", 1, false), ErrMechanism},
		"WELCOME of 2^62":      {concat(parts[0], claim(zmtp.Command, 1<<62)), ErrLimit},
		"WELCOME of 169 bytes": {concat(parts[0], append([]byte{4, 169}, append(welcome[2:170:170], 0)...)), ErrMalformed},
		"READY first":          {concat(parts[0], parts[2]), ErrMalformed},
		"READY of 1025 bytes":  {concat(parts[0], welcome, claim(zmtp.Command, 1025)), ErrLimit},
		"READY that is forged": {concat(parts[0], welcome, forged), ErrForged},
		"ERROR for WELCOME":    {concat(parts[0], command("\x05ERROR\x03400")), ErrRefused},
		"ERROR for READY":      {concat(parts[0], welcome, command("\x05ERROR\x00")), ErrRefused},
		"ERROR cut short":      {concat(parts[0], command("\x05ERROR\x04400")), ErrMalformed},
		"the end":              {concat(parts[0], welcome), ErrRefused},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplay(test.in)
			require.ErrorIs(t, fixedClient(r, Limits{}).Handshake(t.Context()), test.kind)
			require.True(t, r.closed)
		})
	}
	t.Run("the wrong server key", func(t *testing.T) {
		c := newClient(newReplay(theirs), ClientConfig{Key: fixedKey(2), Server: fixedKey(9).Public()}, fixedRandom(2))
		require.ErrorIs(t, c.Handshake(t.Context()), ErrServerKey)
	})
}

// TestCommandsCutShortAreRefused cuts each command of a handshake at every
// length, once with its size corrected and once as the end of the stream.
func TestCommandsCutShortAreRefused(t *testing.T) {
	fromClient, fromServer := ourTranscript(t)
	for name, test := range map[string]struct {
		stream []byte
		shake  func(*replay) *Conn
	}{
		"client": {fromClient, func(r *replay) *Conn { return fixedServer(r, Limits{}) }},
		"server": {fromServer, func(r *replay) *Conn { return fixedClient(r, Limits{}) }},
	} {
		parts := split(t, test.stream)
		before := parts[0]
		for _, part := range parts[1:3] {
			head, n := parseHead(part)
			for cut := range int(head.Size) {
				short := concat(before, zmtp.AppendHead(nil, zmtp.Command, cut), part[n:n+cut])
				err := test.shake(newReplay(short)).Handshake(t.Context())
				var e *Error
				require.ErrorAs(t, err, &e, "%s: %d of %d bytes", name, cut, head.Size)
				require.Contains(t, []Kind{ErrMalformed, ErrForged, ErrServerKey}, e.Kind)
			}
			for cut := range part {
				err := test.shake(newReplay(concat(before, part[:cut]))).Handshake(t.Context())
				require.ErrorIs(t, err, ErrRefused)
			}
			before = concat(before, part)
		}
	}
}

func TestHandshakeCommandsThatWereChangedAreRefused(t *testing.T) {
	fromClient, fromServer := ourTranscript(t)
	for name, test := range map[string]struct {
		stream []byte
		shake  func(*replay) *Conn
	}{
		"client": {fromClient, func(r *replay) *Conn { return fixedServer(r, Limits{}) }},
		"server": {fromServer, func(r *replay) *Conn { return fixedClient(r, Limits{}) }},
	} {
		parts := split(t, test.stream)
		end := len(concat(parts[:3]...))
		for i := zmtp.GreetingSize; i < end; i++ {
			changed := append([]byte(nil), test.stream[:end]...)
			changed[i] ^= 0x40
			require.Error(t, test.shake(newReplay(changed)).Handshake(t.Context()), "%s: byte %d", name, i)
		}
	}
}

func TestAMessageThatWasChangedIsNotDelivered(t *testing.T) {
	fromClient, _ := ourTranscript(t)
	parts := split(t, fromClient)
	opening := innerOpening(newMetadata("DEALER", "it"))
	for i := range parts[3] {
		for _, bit := range []byte{0x01, 0x80} {
			changed := append([]byte(nil), parts[3]...)
			changed[i] ^= bit
			c := fixedServer(newReplay(concat(parts[0], parts[1], parts[2], changed)), Limits{})
			got, err := io.ReadAll(c)
			require.Equal(t, opening, got, "byte %d", i)
			require.Error(t, err, "byte %d", i)
			_, again := c.Read(make([]byte, 1))
			require.Equal(t, err, again, "the error is final")
		}
	}
}

func TestMessagesRepeatedOrReorderedAreRefused(t *testing.T) {
	fromClient, _ := ourTranscript(t)
	parts := split(t, fromClient)
	first := concat(innerOpening(newMetadata("DEALER", "it")), []byte("\x00\x05hello"))
	for name, test := range map[string]struct {
		messages []byte
		want     []byte
	}{
		"repeated":  {concat(parts[3], parts[3]), first},
		"reordered": {concat(parts[4], parts[3]), concat(first[:len(first)-7], []byte("\x04\x07\x04PING\x00\x01"))},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplay(concat(parts[0], parts[1], parts[2], test.messages))
			got, err := io.ReadAll(fixedServer(r, Limits{}))
			require.ErrorIs(t, err, ErrNonce)
			require.Equal(t, test.want, got, "what came before is delivered")
			require.True(t, r.closed)
		})
	}
	t.Run("a gap is not", func(t *testing.T) {
		_, err := io.ReadAll(fixedServer(newReplay(concat(parts[0], parts[1], parts[2], parts[4])), Limits{}))
		require.NoError(t, err)
	})
}

func TestNumbersAreNotUsedTwice(t *testing.T) {
	_, client := connect(t, Limits{})
	client.Conn.(*Conn).out.sent = math.MaxUint64 - 1
	require.NoError(t, client.send(frame{0, nil}))
	require.ErrorIs(t, client.send(frame{0, nil}), ErrNonce)
}

func TestFramesOverTheLimitAreRefusedForNoMemory(t *testing.T) {
	fromClient, _ := ourTranscript(t)
	shaken := concat(split(t, fromClient)[:3]...)
	const limit = 32 << 20
	for name, test := range map[string]struct {
		head []byte
		kind error
	}{
		"2^62":                {claim(0, 1<<62), ErrLimit},
		"2^64-1":              {claim(0, math.MaxUint64), ErrLimit},
		"one over":            {claim(0, limit+messageMore+1), ErrLimit},
		"the most, then none": {claim(0, limit+messageMore), io.ErrUnexpectedEOF},
		"the most, then some": {append(claim(0, limit+messageMore), make([]byte, 100<<10)...), io.ErrUnexpectedEOF},
		"too small":           {[]byte{0, messageMore - 1}, ErrMalformed},
		"MORE outside":        {[]byte{zmtp.More, messageMore}, ErrMalformed},
		"reserved":            {[]byte{0x40, messageMore}, ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			c := fixedServer(newReplay(concat(shaken, test.head)), Limits{})
			require.NoError(t, c.Handshake(t.Context()))
			p := make([]byte, 4096)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := c.Read(p)
			for err == nil {
				_, err = c.Read(p)
			}
			runtime.ReadMemStats(&after)
			require.ErrorIs(t, err, test.kind)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
		})
	}
}

func TestFlagsInsideAMessageAreChecked(t *testing.T) {
	for flags := range 256 {
		var sealed bytes.Buffer
		w := &writer{dst: &sealed, plain: []byte{byte(flags), 'x'}}
		w.start(shakenSession())
		require.NoError(t, w.seal())
		require.NoError(t, w.flush())
		r := &reader{inbox: newInbox(&sealed), maxFrame: fuzzFrame}
		r.start(shakenSession(), nil)
		_, err := r.read(make([]byte, 100))
		if flags < 3 {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, ErrMalformed)
		}
	}
}

func TestASilentPeerCostsTheHandshakeTime(t *testing.T) {
	fromClient, _ := ourTranscript(t)
	for _, sent := range []int{0, 10, 64, 100, 266} {
		t.Run(fmt.Sprint(sent), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := net.Pipe()
				defer b.Close()
				go func() { _, _ = io.Copy(io.Discard, b) }()
				go func() { _, _ = b.Write(fromClient[:sent]) }()
				start := time.Now()
				err := fixedServer(a, Limits{Handshake: 3 * time.Second}).Handshake(t.Context())
				require.ErrorIs(t, err, ErrTimeout)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Equal(t, 3*time.Second, time.Since(start))
			})
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		a, _ := socketPair(t)
		ctx, cancel := context.WithCancelCause(t.Context())
		reason := errors.New("enough")
		cancel(reason)
		require.ErrorIs(t, fixedServer(a, Limits{}).Handshake(ctx), reason)
	})
	t.Run("the deadline", func(t *testing.T) {
		a, _ := socketPair(t)
		require.NoError(t, a.SetDeadline(time.Unix(1, 0)))
		require.ErrorIs(t, fixedServer(a, Limits{}).Handshake(t.Context()), ErrTimeout)
	})
}

func TestSettingsThatAreMissingAreRefused(t *testing.T) {
	list := only(PublicKey{})
	public := fixedKey(1).Public()
	for name, c := range map[string]*Conn{
		"no key":        Server(nil, ServerConfig{Authorize: list}),
		"no list":       Server(nil, ServerConfig{Key: fixedKey(1)}),
		"long identity": Server(nil, ServerConfig{Key: fixedKey(1), Authorize: list, Identity: string(make([]byte, 256))}),
		"no client key": Client(nil, ClientConfig{Server: public}),
		"no server key": Client(nil, ClientConfig{Key: fixedKey(1)}),
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorIs(t, c.Handshake(t.Context()), ErrConfig)
		})
	}
}
