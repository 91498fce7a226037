package config

import (
	"strconv"
	"strings"
)

// Parse reads the command line, without the program's name.
func Parse(args []string) (*Settings, error) {
	s := &Settings{options: Options(), args: map[string][]value{}, changed: map[string][]value{}, file: map[string]map[string][]value{}}
	for _, arg := range args {
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			return nil, Complain("Error parsing command line arguments: Command line contains unexpected token '%s', see bulkhead -h for a list of options.", arg)
		}
		name, text, given := strings.Cut(arg, "=")
		name = strings.TrimPrefix(strings.TrimPrefix(name, "-"), "-")
		k, known := s.resolveKey(name)
		if !known || k.section != "" {
			return nil, Complain("Error parsing command line arguments: Invalid parameter %s", arg)
		}
		s.args[k.name] = append(s.args[k.name], s.interpret(k, text, given))
	}
	for _, v := range s.args["includeconf"] {
		if !v.negated() {
			text := strconv.Quote(v.text)
			if v.boolean {
				text = "true"
			}
			return nil, Complain("Error parsing command line arguments: -includeconf cannot be used from commandline; -includeconf=%s", text)
		}
	}
	return s, nil
}

// HelpWanted reports whether -h, -? or -help was given.
func (s *Settings) HelpWanted() bool {
	return s.Has("h") || s.Has("?") || s.Has("help") || s.Has("help-debug")
}
