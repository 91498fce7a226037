package cli

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
)

// positional returns the JSON array that words are as parameters of a command, which is
// nil if it is not known.
func positional(command *rpc.Command, words []string) ([]byte, error) {
	values := make([][]byte, len(words))
	for i, word := range words {
		var err error
		if values[i], err = at(command, i, word); err != nil {
			return nil, err
		}
	}
	return array(values), nil
}

// pair is a member of an object.
type pair struct {
	name  string
	value []byte
}

// named returns the JSON object that words are as parameters of a command. Words
// without "=" are positional, and so are those whose name is no parameter's where the
// next parameter by position can be such a word: a string that may hold "=", or JSON,
// as in ["a=b"].
func named(command *rpc.Command, words []string) ([]byte, error) {
	var pairs []pair
	var values [][]byte
	for _, word := range words {
		name, text, isPair := strings.Cut(word, "=")
		if _, known := find(command, name); !isPair || !known && isPositional(command, len(values), word) {
			value, err := at(command, len(values), word)
			if err != nil {
				return nil, err
			}
			values = append(values, value)
			continue
		}
		value, err := byName(command, name, text)
		if err != nil {
			return nil, err
		}
		pairs = put(pairs, pair{name, value})
	}
	if len(values) > 0 {
		// Beside "args" that the user has named it is one too many, which the
		// node finds.
		pairs = append(pairs, pair{"args", array(values)})
	}
	return object(pairs), nil
}

// put adds a member. Of a name that is given twice the last value counts, so that
// scripts can append to their defaults.
func put(pairs []pair, added pair) []pair {
	for i := range pairs {
		if pairs[i].name == added.name {
			pairs[i] = added
			return pairs
		}
	}
	return append(pairs, added)
}

func find(command *rpc.Command, name string) (rpc.Param, bool) {
	if command == nil {
		return rpc.Param{}, false
	}
	return command.Named(name)
}

// isPositional reports whether a word that looks like NAME=VALUE is meant for the
// parameter at a position.
func isPositional(command *rpc.Command, position int, word string) bool {
	if command == nil {
		return false
	}
	p, known := command.At(position)
	return known && (p.IsJSON() && json.Valid([]byte(word)) || p.Word == rpc.Free)
}

func at(command *rpc.Command, position int, word string) ([]byte, error) {
	if command == nil {
		return quote(word), nil
	}
	p, known := command.At(position)
	return convert(p, known, word)
}

func byName(command *rpc.Command, name, text string) ([]byte, error) {
	p, known := find(command, name)
	return convert(p, known, text)
}

// convert makes a word JSON. What is not known to be another thing is a string.
func convert(p rpc.Param, known bool, word string) ([]byte, error) {
	valid := func() bool { return json.Valid([]byte(word)) }
	switch {
	case known && p.IsJSON() && !valid():
		return nil, config.Complain("Error parsing JSON: %s", word)
	case known && p.IsJSON(), known && p.Word == rpc.Either && valid():
		return []byte(word), nil
	}
	return quote(word), nil
}

// quote returns a string as JSON, without escaping for HTML.
func quote(text string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(text) // a string always can be
	return bytes.TrimRight(b.Bytes(), "\n")
}

func array(values [][]byte) []byte {
	return append(append([]byte{'['}, bytes.Join(values, []byte(","))...), ']')
}

func object(pairs []pair) []byte {
	members := make([][]byte, len(pairs))
	for i, p := range pairs {
		members[i] = append(append(quote(p.name), ':'), p.value...)
	}
	return append(append([]byte{'{'}, bytes.Join(members, []byte(","))...), '}')
}
