package secure

import (
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"time"
)

// What stands for the zero value of a Limits field.
const (
	DefaultMaxFrame  = 32 << 20
	DefaultHandshake = 10 * time.Second
)

// Limits bounds what a peer may cost. The zero value of a field stands for
// its default.
type Limits struct {
	MaxFrame  int           // bytes in one inner frame, either way; default 32 MiB
	Handshake time.Duration // greeting to READY; default 10 s
}

func (l Limits) withDefaults() Limits {
	if l.MaxFrame <= 0 {
		l.MaxFrame = DefaultMaxFrame
	}
	if l.Handshake <= 0 {
		l.Handshake = DefaultHandshake
	}
	return l
}

// ServerConfig is what a server needs to know. Key and Authorize must be set.
type ServerConfig struct {
	Key        Key    // the server's long-term key
	SocketType string // default ROUTER
	Identity   string // at most 255 bytes; none by default
	// Authorize is called in the handshake with the client's long-term key,
	// once that is proven. An error refuses the client, which is not told it.
	// It must not call the Conn.
	Authorize func(PublicKey) error
	Limits
}

// ClientConfig is what a client needs to know. Key and Server must be set.
type ClientConfig struct {
	Key        Key       // the client's long-term key
	Server     PublicKey // the only server key that is accepted
	SocketType string    // default DEALER
	Identity   string    // at most 255 bytes; none by default
	Limits
}

// Server makes the server's side of a connection. nc belongs to it from here
// on. Nothing is read or written before the handshake.
func Server(nc net.Conn, cfg ServerConfig) *Conn { return newServer(nc, cfg, rand.Reader) }

// Client makes the client's side of a connection. nc belongs to it from here
// on. Nothing is read or written before the handshake.
func Client(nc net.Conn, cfg ClientConfig) *Conn { return newClient(nc, cfg, rand.Reader) }

func newServer(nc net.Conn, cfg ServerConfig, random io.Reader) *Conn {
	own, err := ownMetadata(cfg.SocketType, "ROUTER", cfg.Identity)
	if err == nil && (cfg.Key.IsZero() || cfg.Authorize == nil) {
		err = &Error{Kind: ErrConfig, Detail: "a server needs a Key and Authorize"}
	}
	c := newConn(nc, cfg.Limits, own)
	shake := &serverShake{wire: c.wire(), rand: random, key: cfg.Key, own: own, authorize: cfg.Authorize}
	c.shake, c.shakeErr = shake.run, err
	return c
}

func newClient(nc net.Conn, cfg ClientConfig, random io.Reader) *Conn {
	own, err := ownMetadata(cfg.SocketType, "DEALER", cfg.Identity)
	if err == nil && (cfg.Key.IsZero() || cfg.Server == PublicKey{}) {
		err = &Error{Kind: ErrConfig, Detail: "a client needs a Key and the Server's"}
	}
	c := newConn(nc, cfg.Limits, own)
	shake := &clientShake{wire: c.wire(), rand: random, key: cfg.Key, server: cfg.Server, own: own}
	c.shake, c.shakeErr = shake.run, err
	return c
}

func ownMetadata(socketType, byDefault, identity string) (metadata, error) {
	if socketType == "" {
		socketType = byDefault
	}
	if len(identity) > maxIdentity || len(socketType) > maxIdentity {
		return metadata{}, &Error{Kind: ErrConfig, Detail: fmt.Sprintf("an identity or socket type over %d bytes", maxIdentity)}
	}
	return newMetadata(socketType, identity), nil
}
