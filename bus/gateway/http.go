package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/gateway/httpserver"
	"github.com/bulkheadnode/bulkhead/bus/gateway/rest"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

const (
	maxBody = 32 << 20
	// maxCall bounds the longest wait for a part; generating thousands of
	// blocks and waitforblock without time-out take their time.
	maxCall = time.Hour
	// wrongPasswordPause makes guessing passwords slow.
	wrongPasswordPause = 250 * time.Millisecond
)

// ServeHTTP answers one HTTP request.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !slices.Contains(methods(), r.Method) {
		refuse(w, http.StatusMethodNotAllowed)
		return
	}
	if endpoint, ok := rest.Find(r.RequestURI); ok && g.cfg.REST {
		g.serveREST(w, r, endpoint)
		return
	}
	wallet, ok := walletOf(r.RequestURI)
	if !ok {
		refuse(w, http.StatusNotFound)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		plain(w, http.StatusMethodNotAllowed, "JSONRPC server handles only POST requests")
		return
	}
	user, ok := g.authenticate(w, r)
	if !ok {
		return
	}
	body, ok := g.readBody(w, r, maxBody)
	if !ok {
		return
	}
	left, cancel := context.WithTimeout(r.Context(), maxCall)
	defer cancel()
	ctx, end := context.WithTimeout(g.answering, maxCall)
	defer end()
	g.respond(ctx, w, origin{user: user, wallet: wallet, left: left}, body)
}

// methods are those of which there is something. Others are refused before it is looked
// what they are for, as in Bitcoin Core.
func methods() []string {
	return []string{http.MethodGet, http.MethodPost, http.MethodHead, http.MethodPut}
}

// refuse answers without a text what nothing is for. Nobody may keep that answer.
func refuse(w http.ResponseWriter, status int) {
	w.Header().Set("Cache-Control", rest.NoStore)
	w.WriteHeader(status)
}

// readBody takes in a whole request, of at most most bytes, before anything is done for
// it: a client that sends slowly, or never ends, is in the way of no other.
func (g *gateway) readBody(w http.ResponseWriter, r *http.Request, most int64) ([]byte, bool) {
	if r.ContentLength > most {
		refuse(w, http.StatusRequestEntityTooLarge)
		return nil, false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		return body, true
	case errors.As(err, &tooLarge):
		refuse(w, http.StatusRequestEntityTooLarge)
	case errors.Is(err, httpserver.ErrMalformed):
		refuse(w, http.StatusBadRequest)
	default:
		// The client has left, or did not send its request in time.
		panic(http.ErrAbortHandler)
	}
	return nil, false
}

// walletOf accepts the targets "/" and "/wallet/NAME".
func walletOf(target string) (*string, bool) {
	if target == "/" {
		return nil, true
	}
	escaped, ok := strings.CutPrefix(target, "/wallet/")
	if !ok {
		return nil, false
	}
	name := rest.Unescape(escaped)
	return &name, true
}

func (g *gateway) authenticate(w http.ResponseWriter, r *http.Request) (string, bool) {
	user, ok := g.cfg.login(r)
	if ok {
		return user, true
	}
	if r.Header.Get("Authorization") != "" {
		g.logger.Warn("ThreadRPCServer incorrect password attempt from " + r.RemoteAddr)
		pause := time.NewTimer(wrongPasswordPause)
		defer pause.Stop()
		select {
		case <-pause.C:
		case <-r.Context().Done():
		}
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="jsonrpc"`)
	w.WriteHeader(http.StatusUnauthorized)
	return "", false
}

// respond answers a body: one request or a batch.
func (g *gateway) respond(ctx context.Context, w http.ResponseWriter, from origin, body []byte) {
	body = bytes.TrimSpace(body)
	switch {
	case !g.valid(body):
		g.writeAnswer(w, &answer{request: unreadable(), err: &rpc.Error{Code: rpc.ParseError, Message: "Parse error"}})
	case !g.cfg.mayCallAny(from.user):
		g.logger.Warn(fmt.Sprintf("RPC User %s not allowed to call any methods", clean(from.user)))
		refuse(w, http.StatusForbidden)
	case body[0] == '{':
		a := g.one(ctx, from, body)
		switch {
		case a.err == errQueueFull:
			busy(w)
		case a.err == errForbidden:
			refuse(w, http.StatusForbidden)
		case a.request.notification():
			a.close()
			w.WriteHeader(http.StatusNoContent)
		default:
			g.writeAnswer(w, a)
		}
	case body[0] == '[':
		g.batch(ctx, w, from, body)
	default:
		g.writeAnswer(w, &answer{request: unreadable(), err: &rpc.Error{Code: rpc.ParseError, Message: "Top-level object parse error"}})
	}
}

// valid reports whether a body is JSON. As many are looked at in a moment as
// there are threads.
func (g *gateway) valid(body []byte) bool {
	g.reading <- struct{}{}
	defer func() { <-g.reading }()
	return json.Valid(body)
}

func (g *gateway) one(ctx context.Context, from origin, raw json.RawMessage) *answer {
	r, err := parseRequest(raw)
	a := &answer{request: r}
	if err == nil {
		err = g.checkCall(from.user, r.method)
	}
	if err == nil {
		trace := rand.Uint64()
		ctx, from.left = bus.WithTrace(ctx, trace), bus.WithTrace(from.left, trace)
		g.log.Debug(logLine(from, r))
		g.ipc.Debug(traceLine(from, r, trace))
		id := g.enter(r.method)
		a.result, err = g.dispatch(ctx, from, r)
		g.leave(id)
	}
	if err != nil {
		a.err = rpc.AsError(err)
	}
	if a.err == errQueueFull {
		g.warnBusy()
	}
	return a
}

func (g *gateway) warnBusy() {
	g.logger.Warn("Request rejected because http work queue depth exceeded, it can be increased with the -rpcworkqueue= setting")
}

func (g *gateway) batch(ctx context.Context, w http.ResponseWriter, from origin, body []byte) {
	var raws []json.RawMessage
	if json.Unmarshal(body, &raws) != nil {
		plain(w, http.StatusInternalServerError, "Parse error")
		return
	}
	if err := g.checkBatch(from.user, raws); err != nil {
		g.refuseBatch(w, err)
		return
	}
	out := g.newReply(w, http.StatusOK)
	answers := 0
	for _, raw := range raws {
		if from.left.Err() != nil {
			return // nobody hears the rest
		}
		a := g.one(ctx, from, raw)
		if a.request.notification() {
			a.close()
			continue
		}
		separator := byte(',')
		if answers++; answers == 1 {
			separator = '['
		}
		out.gathered = append(out.gathered, separator)
		g.add(out, a)
	}
	if len(raws) > 0 && answers == 0 {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if answers == 0 {
		out.gathered = append(out.gathered, '[')
	}
	out.gathered = append(out.gathered, ']')
	g.end(out)
}

func (g *gateway) newReply(w http.ResponseWriter, status int) *reply {
	return &reply{w: w, status: status, kind: "application/json", patience: g.cfg.Timeout}
}

func (g *gateway) writeAnswer(w http.ResponseWriter, a *answer) {
	out := g.newReply(w, a.status())
	g.add(out, a)
	g.end(out)
}

// add appends an answer. What cannot be finished ends the connection: a client
// must not take it for whole.
func (g *gateway) add(out *reply, a *answer) {
	defer a.close()
	if err := out.add(a); err != nil {
		g.logger.Warn("RPC: an answer to " + clean(a.request.method) + " was cut off: " + err.Error())
		panic(http.ErrAbortHandler)
	}
}

// end writes what is left.
func (g *gateway) end(out *reply) {
	out.gathered = append(out.gathered, '\n')
	if !out.begun {
		out.w.Header().Set("Content-Length", fmt.Sprint(len(out.gathered)))
	}
	// A client that has gone does not read its answer.
	_ = out.flush()
}

// busy refuses a request for which there is no place.
func busy(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", rest.NoStore)
	plain(w, http.StatusServiceUnavailable, errQueueFull.Message)
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}
