package rest

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// What getblock shows of a block's transactions.
const (
	onlyBytes    = 0
	withTxids    = 1
	withPrevouts = 3
)

const (
	maxHeaders     = 2000
	defaultHeaders = "5"
	// noBlockHasBytes is more than any block's.
	noBlockHasBytes = 1 << 40
)

func invalidHash(text string) *Refusal { return badRequest("Invalid hash: " + text) }

func (r *request) tx() (*Query, *Refusal) {
	if !isHash(r.param) {
		return nil, invalidHash(r.param)
	}
	return r.ask("rest_tx", r.param, r.verbose()).unknownIs(notFound(r.param + " not found")), nil
}

func (r *request) block(detail int) (*Query, *Refusal) {
	if !isHash(r.param) {
		return nil, invalidHash(r.param)
	}
	if !r.verbose() {
		detail = onlyBytes
	}
	q := r.ask("getblock", r.param, detail).refuseBlock(r.param)
	if detail == onlyBytes {
		q.Cache = Immutable
	}
	return q, nil
}

func (r *request) blockPart() (*Query, *Refusal) {
	offset, ok := number(r.parameter("offset", ""), 64)
	if !ok {
		return nil, badRequest("Block part offset missing or invalid")
	}
	size, ok := number(r.parameter("size", ""), 64)
	if !ok {
		return nil, badRequest("Block part size missing or invalid")
	}
	if !isHash(r.param) {
		return nil, invalidHash(r.param)
	}
	q := r.ask("rest_blockpart", r.param, min(offset, noBlockHasBytes), min(size, noBlockHasBytes)).refuseBlock(r.param)
	q.Cache = Immutable
	if r.format == jsonText {
		q.Then = badRequest("JSON output is not supported for this request type")
	}
	other := q.refuse
	q.refuse = func(err *rpc.Error) *Refusal {
		if err.Code == rpc.InvalidParameter {
			return badRequest(fmt.Sprintf("Bad block part offset/size %d/%d for %s", offset, size, r.param))
		}
		return other(err)
	}
	return q, nil
}

// countAndRest reads a number of headers: the second last of parts, where there are
// more than in the newer form, or else the parameter count.
func (r *request) countAndRest(parts []string, newer int, form string) (rest []string, count uint64, refusal *Refusal) {
	text := ""
	switch len(parts) {
	case newer + 1:
		text = parts[newer-1]
		parts = slices.Delete(parts, newer-1, newer)
	case newer:
		text = r.parameter("count", defaultHeaders)
	default:
		return nil, 0, badRequest("Invalid URI format. Expected " + form + ".<ext>?count=<count>")
	}
	count, ok := number(text, 64)
	if !ok || count < 1 || count > maxHeaders {
		return nil, 0, badRequest(fmt.Sprintf("Header count is invalid or out of acceptable range (1-%d): %s", maxHeaders, text))
	}
	return parts, count, nil
}

func (r *request) headers() (*Query, *Refusal) {
	parts, count, refusal := r.countAndRest(strings.Split(r.param, "/"), 1, "/rest/headers/<hash>")
	switch {
	case refusal != nil:
		return nil, refusal
	case !isHash(parts[0]):
		return nil, invalidHash(parts[0])
	}
	return r.ask("rest_headers", parts[0], count, r.verbose()), nil
}

// filterOf reads the type of filters, of which there is one (BIP158), and a hash.
func filterOf(parts []string) (hash string, refusal *Refusal) {
	switch {
	case !isHash(parts[1]):
		return "", invalidHash(parts[1])
	case parts[0] != "basic":
		return "", badRequest("Unknown filtertype " + parts[0])
	}
	return parts[1], nil
}

// refuseFilter is for commands that need the index of filters.
func (q *Query) refuseFilter(hash string) *Query {
	q.refuse = func(err *rpc.Error) *Refusal {
		switch {
		case strings.HasPrefix(err.Message, "Index is not enabled"):
			return badRequest(err.Message)
		case strings.HasPrefix(err.Message, "Filter not found"):
			return notFound(err.Message)
		case err.Code == rpc.InvalidAddressOrKey:
			return notFound(hash + " not found")
		}
		return nil
	}
	return q
}

func (r *request) filterHeaders() (*Query, *Refusal) {
	parts, count, refusal := r.countAndRest(strings.Split(r.param, "/"), 2, "/rest/blockfilterheaders/<filtertype>/<blockhash>")
	if refusal != nil {
		return nil, refusal
	}
	hash, refusal := filterOf(parts)
	if refusal != nil {
		return nil, refusal
	}
	return r.ask("rest_blockfilterheaders", hash, count, r.verbose()).refuseFilter(hash), nil
}

func (r *request) blockFilter() (*Query, *Refusal) {
	parts := strings.Split(r.param, "/")
	if len(parts) != 2 {
		return nil, badRequest("Invalid URI format. Expected /rest/blockfilter/<filtertype>/<blockhash>")
	}
	hash, refusal := filterOf(parts)
	if refusal != nil {
		return nil, refusal
	}
	q := r.ask("getblockfilter", hash, "basic").refuseFilter(hash)
	q.Cache = Immutable
	q.reshape = func(result json.RawMessage) (any, error) { return filter(result, hash, r.verbose()) }
	return q, nil
}

func (r *request) spentOutputs() (*Query, *Refusal) {
	if strings.Contains(r.param, "/") {
		return nil, badRequest("Invalid URI format. Expected /rest/spenttxouts/<hash>.<ext>")
	}
	if !isHash(r.param) {
		return nil, invalidHash(r.param)
	}
	q := r.ask("rest_spenttxouts", r.param, r.verbose())
	q.Cache = Immutable
	q.refuse = func(err *rpc.Error) *Refusal {
		switch err.Code {
		case rpc.InvalidAddressOrKey:
			return notFound(r.param + " not found")
		case rpc.MiscError:
			return notFound(r.param + " undo not available")
		}
		return nil
	}
	return q, nil
}

func (r *request) chainInfo() (*Query, *Refusal) {
	if r.format != jsonText {
		return nil, onlyJSON()
	}
	return r.ask("getblockchaininfo"), nil
}

func (r *request) deploymentInfo() (*Query, *Refusal) {
	switch {
	case r.format != jsonText:
		return nil, onlyJSON()
	case r.param == "":
		return r.ask("getdeploymentinfo"), nil
	case !isHash(r.param):
		return nil, invalidHash(r.param)
	}
	q := r.ask("getdeploymentinfo", r.param).unknownIs(badRequest("Block not found"))
	q.Cache = Immutable
	return q, nil
}

func (r *request) mempool() (*Query, *Refusal) {
	switch {
	case r.param != "contents" && r.param != "info":
		return nil, badRequest("Invalid URI format. Expected /rest/mempool/<info|contents>.json")
	case r.format != jsonText:
		return nil, onlyJSON()
	case r.param == "info":
		return r.ask("getmempoolinfo"), nil
	}
	flags := map[string]bool{}
	for _, p := range []struct{ name, fallback string }{{"verbose", "true"}, {"mempool_sequence", "false"}} {
		text := r.parameter(p.name, p.fallback)
		if text != "true" && text != "false" {
			return nil, badRequest(fmt.Sprintf("The \"%s\" query parameter must be either \"true\" or \"false\".", p.name))
		}
		flags[p.name] = text == "true"
	}
	if flags["verbose"] && flags["mempool_sequence"] {
		return nil, badRequest(`Verbose results cannot contain mempool sequence values. (hint: set "verbose=false")`)
	}
	return r.ask("getrawmempool", flags["verbose"], flags["mempool_sequence"]), nil
}

func (r *request) blockHash() (*Query, *Refusal) {
	height, err := strconv.ParseInt(r.param, 10, 32)
	if err != nil || height < 0 || height > math.MaxInt32 || strings.HasPrefix(r.param, "+") {
		return nil, badRequest("Invalid height: " + safe(r.param))
	}
	q := r.ask("getblockhash", height)
	q.refuse = func(err *rpc.Error) *Refusal {
		if err.Code == rpc.InvalidParameter {
			return notFound(err.Message)
		}
		return nil
	}
	q.reshape = func(result json.RawMessage) (any, error) { return blockHash(result, r.format) }
	return q, nil
}

// blockHash shows a hash as a format has it.
func blockHash(result json.RawMessage, f format) (any, error) {
	var text string
	if err := json.Unmarshal(result, &text); err != nil {
		return nil, err
	}
	switch f {
	case jsonText:
		return struct {
			Hash string `json:"blockhash"`
		}{text}, nil
	case binary:
		return reversed(text)
	}
	return text, nil
}

// reversed turns the bytes of a hash around: it is shown with the last one first.
func reversed(text string) (string, error) {
	bytes, err := hex.DecodeString(text)
	slices.Reverse(bytes)
	return hex.EncodeToString(bytes), err
}
