package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// request is one JSON-RPC request.
type request struct {
	id      json.RawMessage // nil if there is none
	version int             // 1 or 2
	method  string
	params  json.RawMessage
}

// notification reports whether the client wants no answer.
func (r *request) notification() bool { return r.version == 2 && r.id == nil }

// unreadable is the request of a fault that comes before its id is known.
func unreadable() *request { return &request{version: 1, id: json.RawMessage("null")} }

// parseRequest reads one request. On a fault what could be read is returned
// too, so that the answer has the right id and version.
func parseRequest(raw json.RawMessage) (*request, error) {
	r := unreadable()
	var fields map[string]json.RawMessage
	if first(raw) != '{' || json.Unmarshal(raw, &fields) != nil {
		return r, rpc.Errorf(rpc.InvalidRequest, "Invalid Request object")
	}
	r.id = fields["id"]
	if version, ok := fields["jsonrpc"]; ok && first(version) != 'n' {
		var text string
		if json.Unmarshal(version, &text) != nil {
			return r, rpc.Errorf(rpc.InvalidRequest, "jsonrpc field must be a string")
		}
		switch text {
		case "1.0", "1.1":
		case "2.0":
			r.version = 2
		default:
			return r, rpc.Errorf(rpc.InvalidRequest, "JSON-RPC version not supported")
		}
	}
	return r, r.parseCall(fields)
}

func (r *request) parseCall(fields map[string]json.RawMessage) error {
	method, ok := fields["method"]
	if !ok || first(method) == 'n' {
		return rpc.Errorf(rpc.InvalidRequest, "Missing method")
	}
	if json.Unmarshal(method, &r.method) != nil {
		return rpc.Errorf(rpc.InvalidRequest, "Method must be a string")
	}
	r.params = fields["params"]
	if c := first(r.params); c != 0 && c != 'n' && c != '[' && c != '{' {
		return rpc.Errorf(rpc.InvalidRequest, "Params must be an array or object")
	}
	return nil
}

func first(raw json.RawMessage) byte {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	if len(raw) == 0 {
		return 0
	}
	return raw[0]
}

// answer is the reply to one request.
type answer struct {
	request *request
	result  result
	err     *rpc.Error
}

type wireError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// close gives up what was not read of a long result.
func (a *answer) close() {
	if a.result.rest != nil {
		a.result.rest.Close()
	}
}

// around returns what an answer has before and behind its result, or the whole
// of one that has none.
func (a *answer) around() (head, tail []byte, err error) {
	id := ""
	if a.request.id != nil {
		id = `,"id":` + string(a.request.id)
	}
	if a.err == nil {
		if a.request.version == 1 {
			return []byte(`{"result":`), []byte(`,"error":null` + id + `}`), nil
		}
		return []byte(`{"jsonrpc":"2.0","result":`), []byte(id + `}`), nil
	}
	fault, err := plainJSON(wireError{int(a.err.Code), a.err.Message})
	if a.request.version == 1 {
		return fmt.Appendf(nil, `{"result":null,"error":%s%s}`, fault, id), nil, err
	}
	return fmt.Appendf(nil, `{"jsonrpc":"2.0","error":%s%s}`, fault, id), nil, err
}

// status is the HTTP status of a single answer.
func (a *answer) status() int {
	if a.err == nil || a.request.version == 2 {
		return 200
	}
	switch a.err.Code {
	case rpc.InvalidRequest:
		return 400
	case rpc.MethodNotFound:
		return 404
	}
	return 500
}

// plainJSON encodes without escaping for HTML.
func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}
