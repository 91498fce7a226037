package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// indent is how far a level of JSON is indented.
const indent = 2

// show returns a result as it is printed: a string without quotes, nothing for null,
// and else JSON over several lines.
func show(raw json.RawMessage) (string, error) {
	switch first(raw) {
	case 0, 'n':
		return "", nil
	case '"':
		return text(raw), nil
	}
	return pretty(raw)
}

func first(raw []byte) byte {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	if len(raw) == 0 {
		return 0
	}
	return raw[0]
}

// text returns the content of a string or the digits of a number, "" for anything else.
func text(raw json.RawMessage) string {
	raw = bytes.TrimSpace(raw)
	switch c := first(raw); {
	case c == '"':
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return ""
		}
		return s
	case c == '-' || c >= '0' && c <= '9':
		return string(raw)
	}
	return ""
}

// pretty lays JSON out as Bitcoin Core's client does: one value a line, also the end of
// what is empty. Numbers, names and their order stay as they are.
func pretty(raw json.RawMessage) (string, error) {
	in := json.NewDecoder(bytes.NewReader(raw))
	in.UseNumber()
	p := printer{in: in}
	if err := p.value(1); err != nil {
		return "", err
	}
	return p.out.String(), nil
}

// printer writes what a decoder reads.
type printer struct {
	in  *json.Decoder
	out strings.Builder
}

func (p *printer) value(level int) error {
	token, err := p.in.Token()
	if err != nil {
		return err
	}
	switch token := token.(type) {
	case json.Delim:
		return p.several(level, byte(token))
	case string:
		escape(&p.out, token)
	case nil:
		p.out.WriteString("null")
	default:
		fmt.Fprint(&p.out, token)
	}
	return nil
}

// several writes the values of an array or object, which has begun.
func (p *printer) several(level int, begin byte) error {
	p.out.WriteByte(begin)
	for count := 0; p.in.More(); count++ {
		if count > 0 {
			p.out.WriteByte(',')
		}
		p.line(level)
		if begin == '{' {
			if err := p.value(level); err != nil {
				return err
			}
			p.out.WriteString(": ")
		}
		if err := p.value(level + 1); err != nil {
			return err
		}
	}
	p.line(level - 1)
	end, err := p.in.Token()
	if err != nil {
		return err
	}
	fmt.Fprint(&p.out, end)
	return nil
}

func (p *printer) line(level int) {
	p.out.WriteByte('\n')
	p.out.WriteString(strings.Repeat(" ", indent*level))
}

// escape writes a string as Bitcoin Core does: beside what JSON asks for, only DEL is
// not itself.
func escape(out *strings.Builder, text string) {
	short := map[byte]string{'"': `\"`, '\\': `\\`, '\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`}
	out.WriteByte('"')
	for i := range len(text) {
		c := text[i]
		switch escaped, has := short[c]; {
		case has:
			out.WriteString(escaped)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(out, `\u%04x`, c)
		default:
			out.WriteByte(c)
		}
	}
	out.WriteByte('"')
}
