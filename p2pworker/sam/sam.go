package sam

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxLine bounds a reply; the longest ones have a key of some hundred bytes.
const maxLine = 65_536

// signature is the number of EdDSA with SHA-512 and Ed25519.
const signature = 7

// Error is the reply of a router that did not do what it was asked for. Result is a
// word of the protocol, such as CANT_REACH_PEER, "" for a reply that is against it.
type Error struct {
	Request, Result string
}

func (e *Error) Error() string {
	if e.Result == "" {
		return fmt.Sprintf("unexpected reply of the I2P router to %s", e.Request)
	}
	return fmt.Sprintf("the I2P router answered %s with %s", e.Request, e.Result)
}

// PeerFault reports whether the router works and the peer is not there.
func (e *Error) PeerFault() bool {
	switch e.Result {
	case "CANT_REACH_PEER", "TIMEOUT", "INVALID_KEY", "KEY_NOT_FOUND", "PEER_NOT_FOUND":
		return true
	}
	return false
}

// Create makes a session of a name that nobody else uses there, at an address that
// nobody else has. It ends with control.
func Create(control io.ReadWriter, session string) error {
	if err := greet(control); err != nil {
		return err
	}
	return create(control, session, fmt.Sprintf("TRANSIENT SIGNATURE_TYPE=%d", signature), 1)
}

// CreateAs makes a session at the address of a key, which is a new one if key is "", and
// returns the key. It is in the base64 of I2P.
func CreateAs(control io.ReadWriter, session, key string) (string, error) {
	if err := greet(control); err != nil {
		return "", err
	}
	if key == "" {
		made, err := request(control, "DEST GENERATE", "DEST REPLY", fmt.Sprintf("SIGNATURE_TYPE=%d", signature))
		if err != nil {
			return "", err
		}
		if key = made["PRIV"]; key == "" {
			return "", &Error{Request: "DEST GENERATE"}
		}
	}
	return key, create(control, session, key, 3)
}

// create makes a session with so many tunnels each way.
func create(control io.ReadWriter, session, destination string, tunnels int) error {
	_, err := ask(control, "SESSION CREATE", "SESSION STATUS",
		fmt.Sprintf("STYLE=STREAM ID=%s DESTINATION=%s i2cp.leaseSetEncType=4,0 inbound.quantity=%d outbound.quantity=%d", session, destination, tunnels, tunnels))
	return err
}

// Forward has the router connect to a port of this machine for each peer that connects
// to a session, as long as stream, a second connection to the router, lasts. What it
// says first there is for Caller.
func Forward(stream io.ReadWriter, session string, port uint16) error {
	if err := greet(stream); err != nil {
		return err
	}
	_, err := ask(stream, "STREAM FORWARD", "STREAM STATUS", fmt.Sprintf("ID=%s PORT=%d HOST=127.0.0.1 SILENT=false", session, port))
	return err
}

// Caller reads who connects by Forward, and returns the address.
func Caller(conn io.Reader) (address string, err error) {
	line, err := readLine(conn)
	if err != nil {
		return "", err
	}
	destination, _, _ := strings.Cut(line, " ") // ports may follow
	return Address(destination)
}

// Connect makes of stream, a second connection to the router, one to a peer, whose
// address ends with .b32.i2p.
func Connect(stream io.ReadWriter, session, address string) error {
	if err := greet(stream); err != nil {
		return err
	}
	destination, err := ask(stream, "NAMING LOOKUP", "NAMING REPLY", "NAME="+address)
	if err != nil {
		return err
	}
	if destination["VALUE"] == "" {
		return &Error{Request: "NAMING LOOKUP"}
	}
	_, err = ask(stream, "STREAM CONNECT", "STREAM STATUS", fmt.Sprintf("ID=%s DESTINATION=%s SILENT=false", session, destination["VALUE"]))
	return err
}

func greet(conn io.ReadWriter) error {
	_, err := ask(conn, "HELLO VERSION", "HELLO REPLY", "MIN=3.1 MAX=3.1")
	return err
}

// ask makes a request and returns what the reply names, if its RESULT is OK.
func ask(conn io.ReadWriter, what, reply, words string) (map[string]string, error) {
	named, err := request(conn, what, reply, words)
	if err == nil && named["RESULT"] != "OK" {
		return nil, &Error{what, printable(named["RESULT"])}
	}
	return named, err
}

// request makes a request and returns what the reply names.
func request(conn io.ReadWriter, what, reply, words string) (map[string]string, error) {
	if _, err := io.WriteString(conn, what+" "+words+"\n"); err != nil {
		return nil, err
	}
	line, err := readLine(conn)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	rest, ok := strings.CutPrefix(line, reply+" ")
	if !ok {
		return nil, &Error{Request: what}
	}
	named := map[string]string{}
	for _, word := range strings.Fields(rest) {
		name, value, _ := strings.Cut(word, "=")
		named[name] = value
	}
	return named, nil
}

// printable is a word that may be in a log.
func printable(word string) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789"
	if len(word) > 40 || strings.Trim(word, letters) != "" {
		return ""
	}
	return word
}

var errLong = errors.New("the reply is too long")

// readLine reads to the end of a line, and no byte more.
func readLine(r io.Reader) (string, error) {
	var line []byte
	b := make([]byte, 1)
	for len(line) < maxLine {
		if _, err := io.ReadFull(r, b); err != nil {
			return "", err
		}
		if b[0] == '\n' {
			return string(line), nil
		}
		line = append(line, b[0])
	}
	return "", errLong
}
