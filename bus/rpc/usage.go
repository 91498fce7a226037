package rpc

import (
	"cmp"
	"strings"
)

// usage is the line that help without arguments prints: optional parameters
// are in parentheses, strings in quotes.
func (c *Command) usage() string {
	var b strings.Builder
	b.WriteString(c.Name)
	open := false
	for _, p := range c.shown() {
		if p.Optional != open {
			if open {
				b.WriteString(" )")
			} else {
				b.WriteString(" (")
			}
			open = p.Optional
		}
		b.WriteString(" " + cmp.Or(p.Short, p.placeholder()))
	}
	if open {
		b.WriteString(" )")
	}
	return b.String()
}

// shown are the parameters that help tells of: after a hidden one there is none.
func (c *Command) shown() []Param {
	for i, p := range c.Params {
		if p.Hidden {
			return c.Params[:i]
		}
	}
	return c.Params
}

// placeholder stands for a parameter, or for an element of an array, in a line.
func (p Param) placeholder() string {
	name := p.names()[0]
	switch {
	case p.Type == Array, p.Form == Pairs:
		return "[" + p.elements(name) + "...]"
	case p.Type == Object && len(p.Inner) > 0:
		return p.object()
	case p.Type == Object:
		return "{" + name + "}"
	case p.isText() && p.Form != Anything:
		return `"` + name + `"`
	}
	return name
}

// elements stands for what an array holds, each followed by a comma.
func (p Param) elements(name string) string {
	if len(p.Inner) == 0 {
		return name + ","
	}
	var b strings.Builder
	for _, element := range p.Inner {
		b.WriteString(element.placeholder() + ",")
	}
	return b.String()
}

func (p Param) object() string {
	members := make([]string, len(p.Inner))
	for i, m := range p.Inner {
		members[i] = `"` + m.names()[0] + `":` + m.value()
	}
	if p.Form == Keyed || len(p.Members) > 0 {
		members = append(members, "...")
	}
	return "{" + strings.Join(members, ",") + "}"
}

// value stands for what a member of an object is.
func (p Param) value() string {
	switch p.Form {
	case Hex:
		return `"hex"`
	case Money:
		return "amount"
	case Range:
		return "n or [n,n]"
	}
	switch p.Type {
	case String:
		return `"str"`
	case Bool:
		return "bool"
	case Array, Object:
		return p.placeholder()
	}
	return "n"
}
