package secure

import (
	"io"

	"github.com/bulkheadnode/bulkhead/internal/zmtp"
)

// clientShake is the client's side of one CurveZMQ handshake (RFC 26), with
// the RFC's names for the keys.
type clientShake struct {
	*wire
	rand   io.Reader
	key    Key       // c
	server PublicKey // S
	own    metadata

	short   *Key            // c'
	welcome *[keyBytes]byte // of C' and S
}

func (c *clientShake) run() (*session, error) {
	if err := c.greet(false); err != nil {
		return nil, err
	}
	defer func() {
		wipe(c.welcome, (*[keyBytes]byte)(c.short), (*[keyBytes]byte)(&c.key))
	}()
	if err := c.sendHello(); err != nil {
		return nil, err
	}
	shortServer, cookie, err := c.readWelcome()
	if err != nil {
		return nil, err
	}
	key, err := precompute(shortServer, c.short)
	if err != nil {
		return nil, err
	}
	done, err := c.finish(shortServer, cookie, key)
	if err != nil {
		wipe(key)
		return nil, err
	}
	return done, nil
}

func (c *clientShake) sendHello() (err error) {
	if c.short, err = ephemeral(c.rand); err != nil {
		return err
	}
	if c.welcome, err = precompute(c.server, c.short); err != nil {
		return err
	}
	public := c.short.Public()
	hello := append(zmtp.AppendName(nil, "HELLO"), 1, 0)
	hello = append(hello, make([]byte, 72)...)
	hello = append(hello, public[:]...)
	return c.send(appendNumberedBox(hello, "CurveZMQHELLO---", 1, make([]byte, 64), c.welcome))
}

// readWelcome returns S' and the cookie.
func (c *clientShake) readWelcome() (short [keyBytes]byte, cookie []byte, err error) {
	body, err := c.receive("WELCOME", welcomeBytes, welcomeBytes+errorSlack)
	if err != nil {
		return short, nil, err
	}
	if len(body) != welcomeBytes {
		return short, nil, malformed("WELCOME of %d bytes, not %d", len(body), welcomeBytes)
	}
	plain, ok := openRandomBox(body[len("\x07WELCOME"):], "WELCOME-", c.welcome)
	if !ok {
		return short, nil, &Error{Kind: ErrServerKey, Detail: "the server's WELCOME is not from " + c.server.String()}
	}
	return [keyBytes]byte(plain[:keyBytes]), plain[keyBytes:], nil
}

// errorSlack lets an ERROR with the longest reason be read where a WELCOME is
// expected.
const errorSlack = 262 - welcomeBytes

func (c *clientShake) finish(shortServer [keyBytes]byte, cookie []byte, key *[keyBytes]byte) (*session, error) {
	if err := c.sendInitiate(shortServer, cookie, key); err != nil {
		return nil, err
	}
	body, err := c.receive("READY", readyLeast, readyMost)
	if err != nil {
		return nil, err
	}
	plain, number, ok := openNumberedBox(body[len("\x05READY"):], "CurveZMQREADY---", key)
	if !ok {
		return nil, &Error{Kind: ErrForged, Detail: "the box of READY does not open"}
	}
	meta, err := parseMetadata(plain)
	if err != nil {
		return nil, err
	}
	return &session{
		key: key, sent: 2, received: number, peer: c.server, meta: meta,
		sendPrefix: "CurveZMQMESSAGEC", recvPrefix: "CurveZMQMESSAGES",
	}, nil
}

// sendInitiate: name, cookie, number, box of C, vouch and metadata.
func (c *clientShake) sendInitiate(shortServer [keyBytes]byte, cookie []byte, key *[keyBytes]byte) error {
	vouchKey, err := precompute(shortServer, &c.key)
	if err != nil {
		return err
	}
	defer wipe(vouchKey)
	short, public := c.short.Public(), c.key.Public()
	claim := append(append([]byte(nil), short[:]...), c.server[:]...)
	plain, err := appendRandomBox(append([]byte(nil), public[:]...), c.rand, "VOUCH---", claim, vouchKey)
	if err != nil {
		return err
	}
	plain = append(plain, c.own.raw...)
	body := zmtp.AppendCommand(nil, "INITIATE", cookie)
	return c.send(appendNumberedBox(body, "CurveZMQINITIATE", 2, plain, key))
}
