package rest

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/serial"
)

// maxOutputs is how many outputs one request may ask for.
const maxOutputs = 15

// output is one that is asked for.
type output struct {
	TxID string `json:"txid"`
	Vout uint32 `json:"vout"`
}

func unparsable() *Refusal   { return badRequest("Parse error") }
func emptyRequest() *Refusal { return badRequest("Error: empty request") }

// outputs is what a request for outputs says.
type outputs struct {
	mempool bool
	list    []output
	count   uint64 // of the list, which holds no more than maxOutputs
}

func (o *outputs) add(out output) {
	if o.count++; o.count <= maxOutputs {
		o.list = append(o.list, out)
	}
}

// utxos reads the outputs from the path, or else from the body (BIP64).
func (r *request) utxos() (*Query, *Refusal) {
	asked := &outputs{list: []output{}}
	inPath := false
	if len(r.param) > 1 {
		if refusal := asked.readPath(strings.Split(r.param[1:], "/")); refusal != nil {
			return nil, refusal
		}
		inPath = true
	} else if len(r.body) == 0 {
		return nil, emptyRequest()
	}
	body := r.body
	switch r.format {
	case unknown:
		return nil, noFormat()
	case jsonText:
		body = nil
		if !inPath {
			return nil, emptyRequest()
		}
	case hexadecimal:
		body = bytesOf(body)
	}
	if len(body) > 0 {
		if inPath {
			return nil, badRequest("Combination of URI scheme inputs and raw post data is not allowed")
		}
		if !asked.readBody(body) {
			return nil, unparsable()
		}
	}
	if asked.count > maxOutputs {
		return nil, badRequest(fmt.Sprintf("Error: max outpoints exceeded (max: %d, tried: %d)", maxOutputs, asked.count))
	}
	return r.ask("rest_utxos", asked.list, asked.mempool, r.verbose()), nil
}

func (o *outputs) readPath(parts []string) *Refusal {
	if parts[0] == "checkmempool" {
		o.mempool = true
		parts = parts[1:]
	}
	for _, part := range parts {
		txid, index, _ := strings.Cut(part, "-")
		vout, ok := number(index, 32)
		if !isHash(txid) || !ok {
			return unparsable()
		}
		o.add(output{txid, uint32(vout)})
	}
	if o.count == 0 {
		return emptyRequest()
	}
	return nil
}

// readBody reads whether the mempool counts, and a list of outputs. What follows is
// ignored.
func (o *outputs) readBody(body []byte) bool {
	in := serial.NewReader(body)
	o.mempool = in.Byte() != 0
	count := in.CompactSize()
	const size = 32 + 4
	if in.Err() != nil || count > uint64(in.Len()/size) {
		return false
	}
	for range count {
		hash := in.Hash()
		// A hash of 32 bytes has an encoding.
		txid, _ := reversed(hex.EncodeToString(hash[:]))
		o.add(output{txid, in.Uint32()})
	}
	return in.Err() == nil
}

// bytesOf decodes hexadecimal with or without white space between bytes; it returns
// nothing if there is anything else.
func bytesOf(text []byte) []byte {
	var digits []byte
	for i := 0; i < len(text); i++ {
		if strings.IndexByte(" \f\n\r\t\v", text[i]) >= 0 {
			continue
		}
		if i+1 == len(text) {
			return nil
		}
		digits = append(digits, text[i], text[i+1])
		i++
	}
	decoded := make([]byte, hex.DecodedLen(len(digits)))
	if _, err := hex.Decode(decoded, digits); err != nil {
		return nil
	}
	return decoded
}
