package session

import (
	"reflect"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// Effect is something the shell has to do, in the order given.
type Effect interface{ effect() }

// Send is a message for the peer.
type Send struct {
	Type    string
	Payload []byte
	// First: it may overtake others where rates are limited.
	First bool
}

// Disconnect ends the connection. It is the last effect of a session. The log
// line has been emitted already.
type Disconnect struct {
	Code   p2p.DisconnectReason
	Reason string
	// Discourage: the peer misbehaved and its address should be avoided.
	Discourage bool
}

// Request asks another part; the answer is a Reply input with the same ID.
type Request struct {
	ID     uint64
	Method string       // a name of bus/msg/p2p; a Stream's items are to be added up
	Body   any          // the method's request
	Reply  reflect.Type // what the answer has to be
}

// Log is a line for the log. Category is empty for unconditional lines.
type Log struct {
	Category string
	Text     string
}

// Ready tells that the version handshake is complete.
type Ready struct{}

func (Send) effect()       {}
func (Disconnect) effect() {}
func (Request) effect()    {}
func (Log) effect()        {}
func (Ready) effect()      {}
