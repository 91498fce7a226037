package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// errUnreadable means that a reply is no JSON, or not what its command promises.
var errUnreadable = errors.New("couldn't parse reply from server")

// request is one of JSON-RPC 2.0.
type request struct {
	id     []byte // JSON
	method string
	params []byte // JSON, nil for none
}

func (r request) encode() []byte {
	params := r.params
	if params == nil {
		params = []byte("[]")
	}
	return object([]pair{{"jsonrpc", quote("2.0")}, {"id", r.id}, {"method", quote(r.method)}, {"params", params}})
}

// reply is the answer to one request.
type reply struct {
	ID     json.RawMessage `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  json.RawMessage `json:"error"`
}

// refused returns the error that the node answered with, nil if there is none.
func (r reply) refused() error {
	if c := first(r.Error); c == 0 || c == 'n' {
		return nil
	}
	refused := &refusal{whole: r.Error}
	if first(r.Error) != '{' {
		return refused
	}
	// What does not decode is printed as it came.
	_ = json.Unmarshal(r.Error, &refused.fault)
	return refused
}

// refusal is an error that the node answered with.
type refusal struct {
	fault struct {
		Code    json.Number     `json:"code"`
		Message json.RawMessage `json:"message"`
	}
	whole json.RawMessage
}

func (e *refusal) Error() string { return e.text() }

func (e *refusal) code() rpc.Code {
	code, err := e.fault.Code.Int64()
	if err != nil {
		return 0
	}
	return rpc.Code(code)
}

func (e *refusal) text() string {
	if first(e.whole) != '{' {
		return "error: " + string(e.whole)
	}
	var lines []string
	if e.fault.Code != "" {
		lines = append(lines, "error code: "+e.fault.Code.String())
	}
	message := text(e.fault.Message)
	if e.code() == rpc.WalletNotSpecified {
		message += ` Or for the CLI, specify the "-rpcwallet=<walletname>" option before the command (run "bitcoin-cli -h" for help or "bitcoin-cli listwallets" to see which wallets are currently loaded).`
	}
	if message != "" {
		lines = append(lines, "error message:\n"+message)
	}
	return strings.Join(lines, "\n")
}

// status is the exit code. The system keeps its lowest byte.
func (e *refusal) status() int {
	if code := int(e.code()); code != 0 {
		return max(code, -code)
	}
	return 1
}

// wallet is the one that -rpcwallet names, nil for none.
func (c *client) wallet() *string {
	if !c.settings.Has("rpcwallet") || c.settings.Negated("rpcwallet") {
		return nil
	}
	name := c.settings.Text("rpcwallet", "")
	return &name
}

// ask makes one request and returns its result. An error may be a *refusal.
func (c *client) ask(ctx context.Context, wallet *string, r request) (json.RawMessage, error) {
	replies, err := c.exchange(ctx, wallet, r.encode(), func(raw []byte) ([]reply, error) {
		if first(raw) != '{' {
			return nil, errors.New("expected reply to have result, error and id properties")
		}
		var one reply
		err := json.Unmarshal(raw, &one)
		return []reply{one}, err
	})
	if err != nil {
		return nil, err
	}
	return replies[0].Result, replies[0].refused()
}

// askAll makes requests in one batch, without parameters, and returns a reply for each,
// in their order.
func (c *client) askAll(ctx context.Context, methods ...string) ([]reply, error) {
	requests := make([][]byte, len(methods))
	for i, method := range methods {
		requests[i] = request{id: fmt.Append(nil, i), method: method}.encode()
	}
	return c.exchange(ctx, c.wallet(), array(requests), func(raw []byte) ([]reply, error) {
		var batch []reply
		if err := json.Unmarshal(raw, &batch); err != nil || len(batch) != len(methods) {
			return nil, errUnreadable
		}
		ordered := make([]reply, len(batch))
		for _, one := range batch {
			var id int
			if json.Unmarshal(one.ID, &id) != nil || id < 0 || id >= len(ordered) || ordered[id].ID != nil {
				return nil, errUnreadable
			}
			ordered[id] = one
		}
		return ordered, nil
	})
}

// retryPause is between two attempts of -rpcwait.
const retryPause = time.Second

// exchange posts a body and reads the replies. With -rpcwait it tries again while there
// is no node, or one that is starting.
func (c *client) exchange(ctx context.Context, wallet *string, body []byte, read func([]byte) ([]reply, error)) ([]reply, error) {
	path := "/"
	if wallet != nil {
		path = "/wallet/" + strings.ReplaceAll(url.QueryEscape(*wallet), "+", "%20")
	}
	wait := c.settings.Bool("rpcwait", false)
	waitCtx, cancel := ctx, context.CancelFunc(func() {})
	if limit := c.settings.Int("rpcwaittimeout", 0); limit > 0 {
		waitCtx, cancel = context.WithTimeout(ctx, seconds(limit))
	}
	defer cancel()
	for {
		replies, err := c.once(ctx, path, body, read, wait)
		var lost *connectionError
		switch {
		case !errors.As(err, &lost) || !wait:
			return replies, err
		case !clock.Sleep(waitCtx, retryPause):
			return nil, &connectionError{"timeout on transient error: " + lost.text}
		}
	}
}

func (c *client) once(ctx context.Context, path string, body []byte, read func([]byte) ([]reply, error), wait bool) ([]reply, error) {
	raw, err := c.post(ctx, path, body)
	if err != nil {
		return nil, err
	}
	if !json.Valid(raw) {
		return nil, errUnreadable
	}
	replies, err := read(raw)
	for _, r := range replies {
		var refused *refusal
		if wait && errors.As(r.refused(), &refused) && refused.code() == rpc.InWarmup {
			return nil, &connectionError{"server in warmup"}
		}
	}
	return replies, err
}

// longest is the most of seconds that are waited: a time that no node outlives.
const longest = 5 * 365 * 24 * 3600

func seconds(n int64) time.Duration { return time.Duration(min(n, longest)) * time.Second }
