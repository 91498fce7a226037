package rpc

import "slices"

// Word says how a client that takes parameters as words of a command line makes
// one of them JSON.
type Word string

// The ways. ByType takes a word for a string if the parameter is one, and else for
// JSON. Free is a string that may hold "=": among words of the form NAME=VALUE one
// whose NAME is no parameter's is not taken for a fault but, whole, for this string.
// Verbatim is a string whatever the type. Either is JSON, or a string if the word is
// none.
const (
	ByType   Word = ""
	Free     Word = "free"
	Verbatim Word = "verbatim"
	Either   Word = "either"
)

// IsJSON reports whether a word for the parameter has to be JSON.
func (p Param) IsJSON() bool { return p.Word == ByType && p.Type != String }

// Names returns the parameter's name, and its aliases.
func (p Param) Names() []string { return p.names() }

// At returns the parameter at a position, counted from zero.
func (c *Command) At(position int) (Param, bool) {
	if position < 0 || position >= len(c.Params) {
		return Param{}, false
	}
	return c.Params[position], true
}

// Named returns the parameter of a name, or the member of one that may be given by
// its own name.
func (c *Command) Named(name string) (Param, bool) {
	for _, p := range c.Params {
		switch {
		case slices.Contains(p.names(), name):
			return p, true
		case slices.Contains(p.Members, name):
			return Param{Name: name, Word: p.MemberWords[name]}, true
		}
	}
	return Param{}, false
}

// Find returns a command by its name.
func (t Table) Find(name string) (*Command, bool) {
	i := slices.IndexFunc(t, func(c Command) bool { return c.Name == name })
	if i < 0 {
		return nil, false
	}
	return &t[i], true
}
