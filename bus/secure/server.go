package secure

import (
	"crypto/subtle"
	"io"

	"github.com/bulkheadnode/bulkhead/internal/zmtp"
)

// serverShake is the server's side of one CurveZMQ handshake (RFC 26). The
// names of the keys are the RFC's: C and S for long-term ones, C' and S' for
// ephemeral ones.
type serverShake struct {
	*wire
	rand      io.Reader
	key       Key // s
	own       metadata
	authorize func(PublicKey) error

	client    [keyBytes]byte  // C'
	hello     *[keyBytes]byte // of C' and S
	cookieKey *[keyBytes]byte
	number    uint64 // of the client's last command
}

func (s *serverShake) run() (*session, error) {
	if err := s.greet(true); err != nil {
		return nil, err
	}
	defer func() { wipe(s.hello, s.cookieKey, (*[keyBytes]byte)(&s.key)) }()
	done, err := s.exchange()
	if err != nil {
		s.refuse(err)
	}
	return done, err
}

func (s *serverShake) exchange() (*session, error) {
	if err := s.readHello(); err != nil {
		return nil, err
	}
	if err := s.sendWelcome(); err != nil {
		return nil, err
	}
	done, err := s.readInitiate()
	if err != nil {
		return nil, err
	}
	done.sent = 1
	ready := appendNumberedBox(zmtp.AppendName(nil, "READY"), "CurveZMQREADY---", done.sent, s.own.raw, done.key)
	if err := s.send(ready); err != nil {
		wipe(done.key)
		return nil, err
	}
	return done, nil
}

// readHello: name, version 1.0, 72 zeros against amplification, C', number,
// box of 64 zeros from C' to S.
func (s *serverShake) readHello() error {
	hello, err := s.receive("HELLO", helloBytes, helloBytes)
	if err != nil {
		return err
	}
	if hello[6] != 1 || hello[7] != 0 {
		return malformed("CurveZMQ version %d.%d, only 1.0 is known", hello[6], hello[7])
	}
	if !allZero(hello[8:80]) {
		return malformed("the padding of HELLO is not zero")
	}
	copy(s.client[:], hello[80:])
	if s.hello, err = precompute(s.client, &s.key); err != nil {
		return err
	}
	plain, number, ok := openNumberedBox(hello[112:], "CurveZMQHELLO---", s.hello)
	if !ok {
		return &Error{Kind: ErrServerKey, Detail: "the client's HELLO is for another server key"}
	}
	if !allZero(plain) {
		return malformed("the box of HELLO does not hold zeros")
	}
	s.number = number
	return nil
}

// sendWelcome: name, nonce, box of S' and cookie from S to C'. The cookie
// holds C' and s'; s' is wiped here and comes back with it.
func (s *serverShake) sendWelcome() error {
	short, err := ephemeral(s.rand)
	if err != nil {
		return err
	}
	defer wipe((*[keyBytes]byte)(short))
	cookieKey, err := ephemeral(s.rand)
	if err != nil {
		return err
	}
	s.cookieKey = (*[keyBytes]byte)(cookieKey)
	secrets := append(s.client[:len(s.client):len(s.client)], short[:]...)
	defer clear(secrets)
	public := short.Public()
	plain, err := appendRandomBox(public[:], s.rand, "COOKIE--", secrets, s.cookieKey)
	if err != nil {
		return err
	}
	welcome, err := appendRandomBox(zmtp.AppendName(nil, "WELCOME"), s.rand, "WELCOME-", plain, s.hello)
	if err != nil {
		return err
	}
	return s.send(welcome)
}

// readInitiate: name, cookie, number, box of C, vouch and metadata from C' to
// S'.
func (s *serverShake) readInitiate() (*session, error) {
	initiate, err := s.receive("INITIATE", initiateLeast, initiateMost)
	if err != nil {
		return nil, err
	}
	short, err := s.openCookie(initiate[9 : 9+cookieBytes])
	if err != nil {
		return nil, err
	}
	defer wipe((*[keyBytes]byte)(short))
	key, err := precompute(s.client, short)
	if err != nil {
		return nil, err
	}
	done, err := s.openInitiate(initiate[9+cookieBytes:], key, short)
	if err != nil {
		wipe(key)
		return nil, err
	}
	return done, nil
}

// openCookie returns s'.
func (s *serverShake) openCookie(cookie []byte) (*Key, error) {
	plain, ok := openRandomBox(cookie, "COOKIE--", s.cookieKey)
	if !ok || subtle.ConstantTimeCompare(plain[:keyBytes], s.client[:]) != 1 {
		return nil, &Error{Kind: ErrForged, Detail: "the cookie of INITIATE is not this handshake's"}
	}
	defer clear(plain)
	short := new(Key)
	copy(short[:], plain[keyBytes:])
	return short, nil
}

func (s *serverShake) openInitiate(sealed []byte, key *[keyBytes]byte, short *Key) (*session, error) {
	plain, number, ok := openNumberedBox(sealed, "CurveZMQINITIATE", key)
	if !ok {
		return nil, &Error{Kind: ErrForged, Detail: "the box of INITIATE does not open"}
	}
	if number <= s.number {
		return nil, &Error{Kind: ErrNonce, Detail: "INITIATE is not numbered after HELLO"}
	}
	client := PublicKey(plain[:keyBytes])
	if !s.vouched(client, plain[keyBytes:keyBytes+vouchBytes], short) {
		return nil, &Error{Kind: ErrForged, Detail: "the vouch for client key " + client.String() + " is not genuine"}
	}
	if err := s.authorize(client); err != nil {
		return nil, &Error{ErrClientKey, "client key " + client.String(), err}
	}
	meta, err := parseMetadata(plain[keyBytes+vouchBytes:])
	if err != nil {
		return nil, err
	}
	return &session{
		key: key, received: number, peer: client, meta: meta,
		sendPrefix: "CurveZMQMESSAGES", recvPrefix: "CurveZMQMESSAGEC",
	}, nil
}

// vouched tells whether the holder of C says that C' is its own and meant
// for S: the vouch is a box of C' and S from C to S'.
func (s *serverShake) vouched(client PublicKey, vouch []byte, short *Key) bool {
	key, err := precompute(client, short)
	if err != nil {
		return false
	}
	defer wipe(key)
	plain, ok := openRandomBox(vouch, "VOUCH---", key)
	if !ok {
		return false
	}
	server := s.key.Public()
	return subtle.ConstantTimeCompare(plain[:keyBytes], s.client[:])&
		subtle.ConstantTimeCompare(plain[keyBytes:], server[:]) == 1
}

func allZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}
