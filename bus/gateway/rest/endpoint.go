package rest

import (
	"net/http"
	"slices"
	"strings"
)

// MaxBody is how many bytes of a body are of use: 15 outputs (BIP64) in hex have 1.1 kB.
const MaxBody = 64 << 10

// Refusal is an answer without what was asked for. Its text goes to the client with the
// end of a line behind it.
type Refusal struct {
	Status int
	Text   string
}

// Endpoint is what one request is for.
type Endpoint struct {
	// TakesBody says that the request's body counts.
	TakesBody bool

	target string // of the request, as it was sent
	part   string // of the target, behind the prefix
	parse  func(*request) (*Query, *Refusal)
}

// route is one row of the interface. The first prefix that fits counts.
type route struct {
	prefix string
	parse  func(*request) (*Query, *Refusal)
}

func routes() []route {
	return []route{
		{"/rest/tx/", (*request).tx},
		{"/rest/block/notxdetails/", func(r *request) (*Query, *Refusal) { return r.block(withTxids) }},
		{"/rest/block/", func(r *request) (*Query, *Refusal) { return r.block(withPrevouts) }},
		{"/rest/blockpart/", (*request).blockPart},
		{"/rest/blockfilter/", (*request).blockFilter},
		{"/rest/blockfilterheaders/", (*request).filterHeaders},
		{"/rest/chaininfo", (*request).chainInfo},
		{"/rest/mempool/", (*request).mempool},
		{"/rest/headers/", (*request).headers},
		{getUtxos, (*request).utxos},
		{"/rest/deploymentinfo/", (*request).deploymentInfo},
		{"/rest/deploymentinfo", (*request).deploymentInfo},
		{"/rest/blockhashbyheight/", (*request).blockHash},
		{"/rest/spenttxouts/", (*request).spentOutputs},
	}
}

const getUtxos = "/rest/getutxos"

// Find looks for what a target is for. It is taken as it stands in the request's first
// line: nothing is decoded, as in Bitcoin Core.
func Find(target string) (Endpoint, bool) {
	all := routes()
	i := slices.IndexFunc(all, func(r route) bool { return strings.HasPrefix(target, r.prefix) })
	if i < 0 {
		return Endpoint{}, false
	}
	prefix := all[i].prefix
	return Endpoint{TakesBody: prefix == getUtxos, target: target, part: target[len(prefix):], parse: all[i].parse}, true
}

// Parse reads a request, or says what is wrong with it. body is that of a request that
// takes one, at most MaxBody bytes.
func (e Endpoint) Parse(body []byte) (*Query, *Refusal) {
	r := &request{target: e.target, body: body}
	r.param, r.format = splitFormat(e.part)
	return e.parse(r)
}

// format is how an answer is to be encoded.
type format int

const (
	unknown format = iota
	binary
	hexadecimal
	jsonText
)

// splitFormat takes the ending that names a format, and the parameters, off a path.
func splitFormat(part string) (param string, f format) {
	if i := strings.LastIndexByte(part, '?'); i >= 0 {
		part = part[:i]
	}
	i := strings.LastIndexByte(part, '.')
	if i < 0 {
		return part, unknown
	}
	switch part[i+1:] {
	case "":
		return part[:i], unknown
	case "bin":
		return part[:i], binary
	case "hex":
		return part[:i], hexadecimal
	case "json":
		return part[:i], jsonText
	}
	return part, unknown
}

func badRequest(text string) *Refusal { return &Refusal{http.StatusBadRequest, text} }
func notFound(text string) *Refusal   { return &Refusal{http.StatusNotFound, text} }

// The refusals of a format that there is not.
func noFormat() *Refusal {
	return notFound("output format not found (available: .bin, .hex, .json)")
}
func onlyJSON() *Refusal { return notFound("output format not found (available: json)") }
