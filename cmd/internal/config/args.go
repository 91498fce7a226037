package config

import (
	"strconv"
	"strings"
)

// Parse reads the command line of a node, without the program's name.
func Parse(args []string) (*Settings, error) {
	s, words, err := ParseOptions(Options(), args)
	if err == nil && len(words) > 0 {
		err = Complain("Error parsing command line arguments: Command line contains unexpected token '%s', see bulkhead -h for a list of options.", words[0])
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// ParseOptions reads a command line of options and, from the first that is none, of
// words, which are returned.
func ParseOptions(options map[string]Option, args []string) (s *Settings, words []string, err error) {
	s = &Settings{options: options, args: map[string][]value{}, changed: map[string][]value{}, file: map[string]map[string][]value{}}
	for i, arg := range args {
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			words = args[i:]
			break
		}
		if err := s.parseOption(arg); err != nil {
			return nil, nil, Complain("Error parsing command line arguments: %v", err)
		}
	}
	for _, v := range s.args["includeconf"] {
		if !v.negated() {
			text := strconv.Quote(v.text)
			if v.boolean {
				text = "true"
			}
			return nil, nil, Complain("Error parsing command line arguments: -includeconf cannot be used from commandline; -includeconf=%s", text)
		}
	}
	return s, words, nil
}

func (s *Settings) parseOption(arg string) error {
	name, text, given := strings.Cut(arg, "=")
	name = strings.TrimPrefix(strings.TrimPrefix(name, "-"), "-")
	k, known := s.resolveKey(name)
	if !known || k.section != "" {
		return Complain("Invalid parameter %s", arg)
	}
	return s.assign(s.args, k, text, given)
}

// assign adds an assignment to those of its setting, unless the option does not allow
// it.
func (s *Settings) assign(to map[string][]value, k key, text string, given bool) error {
	switch option := s.options[k.name]; {
	case k.negated && option.Affirmative:
		return Complain("Negating of -%s is meaningless and therefore forbidden", k.name)
	case !given && option.Valued:
		return Complain("Can not set -%[1]s with no value. Please specify value with -%[1]s=value.", k.name)
	}
	to[k.name] = append(to[k.name], s.interpret(k, text, given))
	return nil
}

// HelpWanted reports whether -h, -? or -help was given.
func (s *Settings) HelpWanted() bool {
	return s.Has("h") || s.Has("?") || s.Has("help") || s.Has("help-debug")
}
