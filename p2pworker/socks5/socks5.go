package socks5

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// ReplyTimeout bounds the greeting, and then the time for the proxy to connect, which
// Tor needs a good part of.
const ReplyTimeout = 20 * time.Second

// Numbers of RFC 1928 and RFC 1929.
const (
	version       = 5
	noAuth        = 0
	userPassword  = 2
	connect       = 1
	typeIPv4      = 1
	typeName      = 3
	typeIPv6      = 4
	succeeded     = 0
	authVersion   = 1
	authSucceeded = 0
)

// Credentials are a user name and a password of at most 255 bytes each.
type Credentials struct {
	User, Password string
}

// ReplyError is the answer of a proxy that works but could not connect: the code is
// that of RFC 1928 section 6, or one of Tor's (socks-extensions).
type ReplyError byte

// replies are Bitcoin Core's texts for the codes.
var replies = map[ReplyError]string{
	0x01: "general failure",
	0x02: "connection not allowed",
	0x03: "network unreachable",
	0x04: "host unreachable",
	0x05: "connection refused",
	0x06: "TTL expired",
	0x07: "protocol error",
	0x08: "address type not supported",
	0xf0: "onion service descriptor can not be found",
	0xf1: "onion service descriptor is invalid",
	0xf2: "onion service introduction failed",
	0xf3: "onion service rendezvous failed",
	0xf4: "onion service missing client authorization",
	0xf5: "onion service wrong client authorization",
	0xf6: "onion service invalid address",
	0xf7: "onion service introduction timed out",
}

func (e ReplyError) Error() string {
	if text, ok := replies[e]; ok {
		return text
	}
	return fmt.Sprintf("unknown (0x%02x)", byte(e))
}

// ErrSlow is returned when the proxy accepted the request and did not answer it in
// time: the peer is slow, or not there, which is common with Tor.
var ErrSlow = errors.New("the proxy could not connect in time")

// Error is what is wrong with a proxy. The text is Bitcoin Core's.
type Error struct {
	Text  string
	Cause error // nil for a reply that is against the protocol
}

func (e *Error) Error() string { return e.Text }
func (e *Error) Unwrap() error { return e.Cause }

func broken(format string, args ...any) error { return &Error{Text: fmt.Sprintf(format, args...)} }

// Connect asks the proxy at the other end of conn for a connection to host and port,
// with credentials unless they are nil. After success conn is that connection, and
// has no deadline. Errors are a ReplyError, ErrSlow or an *Error.
func Connect(conn net.Conn, host string, port uint16, as *Credentials) error {
	if len(host) > 255 {
		return broken("Hostname too long")
	}
	if as != nil && (len(as.User) > 255 || len(as.Password) > 255) {
		return broken("Proxy username or password too long")
	}
	if err := greet(conn, host, port, as); err != nil {
		return err
	}
	if err := request(conn, host, port); err != nil {
		return err
	}
	return during(conn.SetDeadline(time.Time{}))
}

func during(err error) error {
	if err == nil {
		return nil
	}
	return &Error{fmt.Sprintf("Error during SOCKS5 proxy handshake: %v", err), err}
}

func send(conn net.Conn, message []byte) error {
	err := conn.SetDeadline(time.Now().Add(ReplyTimeout))
	if err == nil {
		_, err = conn.Write(message)
	}
	return during(err)
}

// receive reads exactly n bytes; text is the error if they do not come.
func receive(conn net.Conn, n int, text string) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(conn, b); err != nil {
		return nil, &Error{text, err}
	}
	return b, nil
}

// greet agrees on a method, and says who we are if that is it.
func greet(conn net.Conn, host string, port uint16, as *Credentials) error {
	hello := []byte{version, 1, noAuth}
	if as != nil {
		hello = []byte{version, 2, noAuth, userPassword}
	}
	if err := send(conn, hello); err != nil {
		return err
	}
	answer, err := receive(conn, 2, fmt.Sprintf("Socks5() connect to %s:%d failed: InterruptibleRecv() timeout or other failure", host, port))
	switch {
	case err != nil:
		return err
	case answer[0] != version:
		return broken("Proxy failed to initialize")
	case answer[1] == userPassword && as != nil:
		return authenticate(conn, *as)
	case answer[1] != noAuth:
		return broken("Proxy requested wrong authentication method %02x", answer[1])
	}
	return nil
}

func authenticate(conn net.Conn, as Credentials) error {
	message := append([]byte{authVersion, byte(len(as.User))}, as.User...)
	message = append(append(message, byte(len(as.Password))), as.Password...)
	if err := send(conn, message); err != nil {
		return err
	}
	answer, err := receive(conn, 2, "Error reading proxy authentication response")
	if err == nil && (answer[0] != authVersion || answer[1] != authSucceeded) {
		err = broken("Proxy authentication unsuccessful")
	}
	return err
}

// request asks for the connection.
func request(conn net.Conn, host string, port uint16) error {
	message := append([]byte{version, connect, 0, typeName, byte(len(host))}, host...)
	if err := send(conn, binary.BigEndian.AppendUint16(message, port)); err != nil {
		return err
	}
	answer, err := receive(conn, 4, "Error while reading proxy response")
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ErrSlow
	case err != nil:
		return err
	case answer[0] != version:
		return broken("Proxy failed to accept request")
	case answer[1] != succeeded:
		return ReplyError(answer[1])
	case answer[2] != 0:
		return broken("Error: malformed proxy response")
	}
	return skipAddress(conn, answer[3])
}

// skipAddress reads from where the proxy connected, which is of no use to us.
func skipAddress(conn net.Conn, kind byte) error {
	const text = "Error reading from proxy"
	size := 0
	switch kind {
	case typeIPv4:
		size = net.IPv4len
	case typeIPv6:
		size = net.IPv6len
	case typeName:
		length, err := receive(conn, 1, text)
		if err != nil {
			return err
		}
		size = int(length[0])
	default:
		return broken("Error: malformed proxy response")
	}
	_, err := receive(conn, size+2, text) // with the port
	return err
}
