package rest

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// The values of the header Cache-Control: what never changes, and what is not to be kept.
const (
	Immutable = "public, immutable, max-age=86400"
	NoStore   = "no-store"
)

// Query is a request that was understood.
type Query struct {
	Command string
	Params  json.RawMessage // an array
	Type    string          // of the body, as the header Content-Type says
	Cache   string          // for the header Cache-Control
	// Then refuses what the command has answered: the request was wrong, but another
	// error would have come first.
	Then *Refusal

	format  format
	reshape func(json.RawMessage) (any, error) // makes what is encoded of a small result
	refuse  func(*rpc.Error) *Refusal
}

// ask makes a Query that is answered by a command as that encodes it.
func (r *request) ask(command string, params ...any) *Query {
	// Params are texts, numbers and lists of those.
	encoded, _ := json.Marshal(append([]any{}, params...))
	q := &Query{Command: command, Params: encoded, Cache: NoStore, format: r.format, refuse: func(*rpc.Error) *Refusal { return nil }}
	switch r.format {
	case unknown:
		q.Then = noFormat()
	case binary:
		q.Type = "application/octet-stream"
	case hexadecimal:
		q.Type = "text/plain"
	case jsonText:
		q.Type = "application/json"
	}
	return q
}

// verbose reports whether a command is to show what it returns.
func (r *request) verbose() bool { return r.format == jsonText }

// Refuse says what an error of the command means to the client.
func (q *Query) Refuse(err *rpc.Error) *Refusal {
	if err.Code == rpc.InWarmup {
		return &Refusal{http.StatusServiceUnavailable, "Service temporarily unavailable: " + err.Message}
	}
	if refusal := q.refuse(err); refusal != nil {
		return refusal
	}
	return &Refusal{http.StatusInternalServerError, err.Message}
}

// unknownIs says what is answered for something that the node does not know.
func (q *Query) unknownIs(refusal *Refusal) *Query {
	q.refuse = func(err *rpc.Error) *Refusal {
		if err.Code == rpc.InvalidAddressOrKey {
			return refusal
		}
		return nil
	}
	return q
}

// refuseBlock is for commands that need the data of a block.
func (q *Query) refuseBlock(hash string) *Query {
	q.refuse = func(err *rpc.Error) *Refusal {
		why, missing := strings.CutPrefix(err.Message, "Block not available")
		switch {
		case err.Code == rpc.InvalidAddressOrKey:
			return notFound(hash + " not found")
		case missing:
			return notFound(hash + " not available" + why)
		case err.Code == rpc.MiscError:
			return &Refusal{http.StatusInternalServerError, "I/O error reading " + hash}
		}
		return nil
	}
	return q
}
