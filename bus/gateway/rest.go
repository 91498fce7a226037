package gateway

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/bulkheadnode/bulkhead/bus/gateway/rest"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// serveREST answers a request to the REST interface. Nobody logs in for it, so only what
// reads is served: -rest says whether whoever may connect may read. It has the lanes of
// the commands, and waits as they do for a compartment that is being restarted.
func (g *gateway) serveREST(w http.ResponseWriter, r *http.Request, endpoint rest.Endpoint) {
	var body []byte
	if endpoint.TakesBody {
		var ok bool
		if body, ok = g.readBody(w, r, rest.MaxBody); !ok {
			return
		}
	}
	query, refusal := endpoint.Parse(body)
	if refusal != nil {
		refuseREST(w, refusal)
		return
	}
	left, cancel := context.WithTimeout(r.Context(), maxCall)
	defer cancel()
	answer, err := g.dispatch(left, origin{left: left}, &request{version: 1, method: query.Command, params: query.Params})
	switch {
	case err == nil:
		g.answerREST(w, query, answer)
	case err == errQueueFull, err == errNotSent:
		g.warnBusy()
		busy(w)
	case left.Err() == nil:
		refuseREST(w, query.Refuse(rpc.AsError(err)))
	}
}

func refuseREST(w http.ResponseWriter, refusal *rest.Refusal) {
	w.Header().Set("Cache-Control", rest.NoStore)
	text := refusal.Text + "\r\n"
	w.Header().Set("Content-Length", fmt.Sprint(len(text)))
	plain(w, refusal.Status, text)
}

// answerREST writes what a command has returned. The length of a long result is not told.
func (g *gateway) answerREST(w http.ResponseWriter, query *rest.Query, answer result) {
	if answer.rest != nil {
		defer answer.rest.Close()
	}
	if query.Then != nil {
		refuseREST(w, query.Then)
		return
	}
	out := g.newReply(w, http.StatusOK)
	out.kind = query.Type
	if answer.rest != nil {
		w.Header().Set("Cache-Control", query.Cache)
		if err := streamREST(out, query, answer.rest); err != nil {
			g.logger.Warn("REST: an answer to " + query.Command + " was cut off: " + err.Error())
			panic(http.ErrAbortHandler)
		}
		return
	}
	body, err := io.ReadAll(query.Body(bytes.NewReader(orNull(answer.whole))))
	if err != nil {
		g.logger.Warn("REST: " + query.Command + ": " + err.Error())
		refuseREST(w, &rest.Refusal{Status: http.StatusInternalServerError, Text: err.Error()})
		return
	}
	w.Header().Set("Cache-Control", query.Cache)
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	out.gathered = body
	// A client that has gone does not read its answer.
	_ = out.flush()
}

// streamREST writes a long result as it arrives.
func streamREST(out *reply, query *rest.Query, answer *longResult) error {
	if query.Passes() {
		if err := out.stream(answer); err != nil {
			return err
		}
		out.gathered = append(out.gathered, '\n')
		return out.flush()
	}
	body := query.Body(answer)
	if err := out.flush(); err != nil {
		return err
	}
	w := bufio.NewWriterSize(out, 64<<10)
	if _, err := io.Copy(w, body); err != nil {
		return err
	}
	return w.Flush()
}
