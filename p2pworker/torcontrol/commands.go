package torcontrol

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// cookieSize is the size of Tor's cookie file in bytes.
const cookieSize = 32

// What both sides compute hashes with (section 3.24 of the specification).
const (
	serverKey = "Tor safe cookie authentication server-to-controller hash"
	clientKey = "Tor safe cookie authentication controller-to-server hash"
)

// Errors of Authenticate.
var (
	ErrNoPassword = errors.New("the daemon wants a password, and -torpassword gives none")
	ErrNoMethod   = errors.New("the daemon offers no way to authenticate that is known")
	ErrImpostor   = errors.New("who answers at Tor's port does not know Tor's cookie")
	errCookie     = errors.New("the daemon's cookie file does not hold 32 bytes")
)

// Refused reports whether an error means that the daemon does not do what it was asked, or
// not for us: the connection is as good as before, and asking again may bring the same.
func Refused(err error) bool {
	var refusal *Error
	return errors.As(err, &refusal) || errors.Is(err, ErrNoPassword) || errors.Is(err, ErrNoMethod)
}

// Credentials are what may be needed to authenticate.
type Credentials struct {
	Password string // "" for none
	// Nonce is random, 32 bytes.
	Nonce [32]byte
	// Answer answers a challenge by the cookie file of a name: see Challenge.Answer.
	Answer func(path string, c Challenge) (proof []byte, err error)
}

// Challenge is both sides' nonces, and the daemon's proof that it knows the cookie.
type Challenge struct {
	Ours, Theirs [32]byte
	Hash         []byte
}

// Answer proves that we know the cookie, to who has proven it first: others get nothing.
func (c Challenge) Answer(cookie []byte) (proof []byte, err error) {
	if len(cookie) != cookieSize {
		return nil, errCookie
	}
	message := slices.Concat(cookie, c.Ours[:], c.Theirs[:])
	defer clear(message)
	if !hmac.Equal(c.Hash, mac(serverKey, message)) {
		return nil, ErrImpostor
	}
	return mac(clientKey, message), nil
}

// Authenticate proves to the daemon that we may command it: by the password if there
// is one, by nothing if it wants nothing, or by its cookie file.
func (c *Conn) Authenticate(by Credentials) error {
	lines, err := c.ask("PROTOCOLINFO 1")
	if err != nil {
		return err
	}
	var methods []string
	cookie := ""
	for _, line := range lines {
		if rest, ok := strings.CutPrefix(line, "AUTH "); ok {
			said := values(rest)
			methods, cookie = strings.Split(said["METHODS"], ","), said["COOKIEFILE"]
		}
	}
	has := func(method string) bool { return slices.Contains(methods, method) }
	switch {
	case by.Password != "" && has("HASHEDPASSWORD"):
		_, err = c.ask("AUTHENTICATE " + quote(by.Password))
	case has("NULL"):
		_, err = c.ask("AUTHENTICATE")
	case has("SAFECOOKIE") && cookie != "":
		err = c.proveCookie(by, cookie)
	case has("HASHEDPASSWORD"):
		err = ErrNoPassword
	default:
		err = ErrNoMethod
	}
	return err
}

// proveCookie shows that both sides know the cookie, without sending it.
func (c *Conn) proveCookie(by Credentials, path string) error {
	lines, err := c.ask("AUTHCHALLENGE SAFECOOKIE " + hex.EncodeToString(by.Nonce[:]))
	if err != nil {
		return err
	}
	said := values(lines[0])
	challenge := Challenge{Ours: by.Nonce}
	nonce, err := hex.DecodeString(said["SERVERNONCE"])
	if err != nil || len(nonce) != len(challenge.Theirs) {
		return errReply
	}
	copy(challenge.Theirs[:], nonce)
	if challenge.Hash, err = hex.DecodeString(said["SERVERHASH"]); err != nil {
		return errReply
	}
	proof, err := by.Answer(path, challenge)
	if err != nil {
		return err
	}
	_, err = c.ask("AUTHENTICATE " + hex.EncodeToString(proof))
	return err
}

func mac(key string, message []byte) []byte {
	h := hmac.New(sha256.New, []byte(key))
	h.Write(message)
	return h.Sum(nil)
}

// SOCKS returns where the daemon takes connections: a loopback address if it names
// one, else the first address; false if it names none.
func (c *Conn) SOCKS() (netip.AddrPort, bool, error) {
	lines, err := c.ask("GETINFO net/listeners/socks")
	if err != nil {
		return netip.AddrPort{}, false, err
	}
	rest, ok := strings.CutPrefix(lines[0], "net/listeners/socks=")
	if !ok {
		return netip.AddrPort{}, false, errReply
	}
	var found []netip.AddrPort
	for _, word := range words(rest) {
		if at, err := netip.ParseAddrPort(word); err == nil && at.Port() != 0 {
			found = append(found, at)
		}
	}
	if len(found) == 0 {
		return netip.AddrPort{}, false, nil
	}
	local := slices.IndexFunc(found, func(a netip.AddrPort) bool { return a.Addr().IsLoopback() })
	return found[max(local, 0)], true, nil
}

// NewKey is the key of a service that there is not yet.
const NewKey = "NEW:ED25519-V3"

// Service is an onion service.
type Service struct {
	Address string // with .onion
	Key     string // as AddOnion takes it
}

// AddOnion makes a service that lives as long as the connection: who connects to port
// is connected to target. key is NewKey or that of an earlier service. Clients are made
// to prove work while the service is flooded, if the daemon knows how (section 3.27 of
// the specification, PoWDefensesEnabled).
func (c *Conn) AddOnion(key string, port uint16, target netip.AddrPort) (Service, error) {
	if key == "" || strings.ContainsAny(key, " \r\n") {
		return Service{}, errReply
	}
	at := fmt.Sprintf("Port=%d,%s", port, target)
	lines, err := c.ask("ADD_ONION " + key + " PoWDefensesEnabled=1 " + at)
	var refused *Error
	if errors.As(err, &refused) && refused.Code == codeSyntax {
		lines, err = c.ask("ADD_ONION " + key + " " + at)
	}
	if err != nil {
		return Service{}, err
	}
	s := Service{Key: key}
	for _, line := range lines {
		said := values(line)
		if id := said["ServiceID"]; id != "" {
			s.Address = id + ".onion"
		}
		if k := said["PrivateKey"]; k != "" {
			s.Key = k
		}
	}
	if s.Address == "" || s.Key == NewKey {
		return Service{}, errReply
	}
	return s, nil
}
