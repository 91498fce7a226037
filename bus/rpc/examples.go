package rpc

import (
	"encoding/json"
	"fmt"
	"strings"
)

// examples shows how to call the command with bitcoin-cli and with curl. One without
// parameters needs none to be given.
func (c *Command) examples() string {
	given := c.Examples
	if len(given) == 0 && len(c.shown()) == 0 && c.Category != "hidden" {
		given = []string{"[]"}
	}
	var words, requests strings.Builder
	for _, params := range given {
		var values []json.RawMessage
		if json.Unmarshal([]byte(params), &values) != nil {
			continue // a test of the tables finds it
		}
		fmt.Fprintf(&words, "> bitcoin-cli %s", c.Name)
		for _, value := range values {
			words.WriteString(" " + shellWord(value))
		}
		words.WriteString("\n")
		fmt.Fprintf(&requests, `> curl --user myusername --data-binary '{"jsonrpc": "2.0", "id": "curltest", "method": "%s", "params": %s}' `+
			"-H 'content-type: application/json' http://127.0.0.1:8332/\n", c.Name, params)
	}
	if words.Len() == 0 {
		return ""
	}
	return "\nExamples:\n" + words.String() + requests.String()
}

// shellWord is a value as one writes it in a shell.
func shellWord(value json.RawMessage) string {
	if first := typeOf(value); first == Array || first == Object {
		return "'" + string(value) + "'"
	}
	return string(value)
}
