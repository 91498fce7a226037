package config

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
)

// value is one assignment to a setting: negated assignments are booleans.
type value struct {
	text    string
	boolean bool // set by a negation: isTrue says to what
	isTrue  bool
}

func (v value) negated() bool { return v.boolean && !v.isTrue }

// Settings holds everything the user said. Use it after Load.
type Settings struct {
	options map[string]Option
	args    map[string][]value            // command line
	changed map[string][]value            // the settings file
	file    map[string]map[string][]value // section ("" is the top), name
	headers []header                      // of sections in the files
	chain   string                        // section in force
	conf    string                        // path of the configuration file, "" if none was read
	// Notes are lines for the log, Warnings those at warning level.
	Notes, Warnings []string
	// Stderr are lines that belong on standard error at start.
	Stderr []string
}

// key is a setting's name as written: section.noname.
type key struct {
	section, name string
	negated       bool
}

func parseKey(text string) key {
	var k key
	if section, name, found := strings.Cut(text, "."); found {
		k.section, text = section, name
	}
	k.name = text
	if name, found := strings.CutPrefix(text, "no"); found {
		k.name, k.negated = name, true
	}
	return k
}

// resolveKey also accepts the names that begin with "no" by themselves.
func (s *Settings) resolveKey(text string) (key, bool) {
	k := parseKey(text)
	if k.negated {
		if _, known := s.options["no"+k.name]; known {
			return key{section: k.section, name: "no" + k.name}, true
		}
	}
	_, known := s.options[k.name]
	return k, known
}

// interpret gives an assignment its value.
func (s *Settings) interpret(k key, text string, given bool) value {
	if !k.negated {
		return value{text: text}
	}
	if given && !parseBool(text) {
		s.Warnings = append(s.Warnings, fmt.Sprintf("Parsed potentially confusing double-negative -%s=%s", k.name, text))
		return value{boolean: true, isTrue: true}
	}
	return value{boolean: true}
}

// parseBool: an empty value is true, a number is compared with zero.
func parseBool(text string) bool {
	if text == "" {
		return true
	}
	return atoi(text) != 0
}

// atoi is C's: leading digits count, anything else is zero.
func atoi(text string) int64 {
	text = strings.TrimSpace(text)
	end := 0
	for end < len(text) && (text[end] >= '0' && text[end] <= '9' || end == 0 && (text[0] == '-' || text[0] == '+')) {
		end++
	}
	n, err := strconv.ParseInt(strings.TrimPrefix(text[:end], "+"), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// sources returns the assignments that count for a setting, most important
// source first. In each, a negation clears what was assigned before it.
func (s *Settings) sources(name string) [][]value {
	lists := [][]value{s.args[name], s.changed[name], s.file[s.chain][name]}
	if s.chain == "" || !s.options[name].PerChain || s.chain == chains.Main {
		lists = append(lists, s.file[""][name])
	}
	return lists
}

// scalar returns the assignment that counts.
func (s *Settings) scalar(name string) (value, bool) {
	for i, list := range s.sources(name) {
		if len(list) == 0 {
			continue
		}
		if i <= 1 || list[len(list)-1].negated() {
			return list[len(list)-1], true
		}
		// The file's first assignment after the last negation counts.
		return list[afterNegation(list)], true
	}
	return value{}, false
}

func afterNegation(list []value) int {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].negated() {
			return i + 1
		}
	}
	return 0
}

// Has reports whether the setting was given, negated or not.
func (s *Settings) Has(name string) bool {
	_, ok := s.scalar(name)
	return ok
}

// Negated reports whether the setting was given as -noNAME.
func (s *Settings) Negated(name string) bool {
	v, ok := s.scalar(name)
	return ok && v.negated()
}

// Bool returns a setting as a boolean.
func (s *Settings) Bool(name string, fallback bool) bool {
	v, ok := s.scalar(name)
	switch {
	case !ok:
		return fallback
	case v.boolean:
		return v.isTrue
	}
	return parseBool(v.text)
}

// Text returns a setting as it was written; a negated one is "0".
func (s *Settings) Text(name, fallback string) string {
	v, ok := s.scalar(name)
	switch {
	case !ok:
		return fallback
	case v.negated():
		return "0"
	case v.boolean:
		return "1"
	}
	return v.text
}

// Int returns a setting as an integer: what does not start with digits is 0.
func (s *Settings) Int(name string, fallback int64) int64 {
	v, ok := s.scalar(name)
	switch {
	case !ok:
		return fallback
	case v.boolean && v.isTrue:
		return 1
	case v.boolean:
		return 0
	}
	return atoi(v.text)
}

// List returns all assignments of a setting, the command line's first, but
// for those that a later negation took back.
func (s *Settings) List(name string) []string {
	var all []string
	for _, list := range s.sources(name) {
		from := afterNegation(list)
		for _, v := range list[from:] {
			text := v.text
			if v.boolean {
				text = "1"
			}
			all = append(all, text)
		}
		if from > 0 {
			break // the negation also hides less important sources
		}
	}
	return all
}

// Path of the configuration file that was read, "" if none was.
func (s *Settings) ConfigFile() string { return s.conf }
