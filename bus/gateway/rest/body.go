package rest

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/serial"
)

// maxReshaped is how long a result may be that is taken in whole: more than the filter
// of any block in hexadecimal.
const maxReshaped = 4 << 20

var (
	errNotText = errors.New("a result is not the text that was asked for")
	errTooLong = errors.New("a result is too long")
)

// Passes reports whether the body is the result's JSON and the end of a line.
func (q *Query) Passes() bool { return q.format == jsonText && q.reshape == nil }

// Body reads the answer of a Query that goes by without Then, from the JSON that the
// command has returned. It fails if that is not what such a command returns.
func (q *Query) Body(result io.Reader) io.Reader {
	if q.reshape != nil {
		small, err := q.reshaped(result)
		if err != nil {
			return failing{err}
		}
		result = bytes.NewReader(small)
	}
	switch q.format {
	case jsonText:
		return io.MultiReader(result, strings.NewReader("\n"))
	case hexadecimal:
		return io.MultiReader(&textReader{in: bufio.NewReader(result)}, strings.NewReader("\n"))
	}
	return hex.NewDecoder(&textReader{in: bufio.NewReader(result)})
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func (q *Query) reshaped(result io.Reader) ([]byte, error) {
	small, err := io.ReadAll(io.LimitReader(result, maxReshaped+1))
	if err != nil {
		return nil, err
	}
	if len(small) > maxReshaped {
		return nil, errTooLong
	}
	shape, err := q.reshape(small)
	if err != nil {
		return nil, err
	}
	return json.Marshal(shape)
}

// textReader reads the JSON of a text in hexadecimal, without the quotes.
type textReader struct {
	in    *bufio.Reader
	begun bool
	ended bool
}

func (t *textReader) Read(p []byte) (int, error) {
	if t.ended || len(p) == 0 {
		return 0, t.end()
	}
	if !t.begun {
		if c, err := t.in.ReadByte(); err != nil || c != '"' {
			return 0, errors.Join(errNotText, err)
		}
		t.begun = true
	}
	n, err := t.in.Read(p)
	for i, c := range p[:n] {
		switch {
		case c == '"' && i == n-1:
			t.ended = true
			return i, nil
		case !isHexDigit(c):
			return i, errNotText
		}
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// end is what follows a text: nothing.
func (t *textReader) end() error {
	if !t.ended {
		return nil
	}
	if _, err := t.in.ReadByte(); !errors.Is(err, io.EOF) {
		return errors.Join(errNotText, err)
	}
	return io.EOF
}

// filter shows the filter of a block: in JSON by itself, else with its type and block
// before it, as it is sent to peers (BIP157).
func filter(result json.RawMessage, hash string, verbose bool) (any, error) {
	var shown struct {
		Filter string `json:"filter"`
	}
	if err := json.Unmarshal(result, &shown); err != nil || verbose {
		return shown, err
	}
	encoded, err := hex.DecodeString(shown.Filter)
	if err != nil {
		return nil, err
	}
	block, err := reversed(hash)
	if err != nil {
		return nil, err
	}
	const basic = "00"
	return basic + block + hex.EncodeToString(serial.AppendVarBytes(nil, encoded)), nil
}
