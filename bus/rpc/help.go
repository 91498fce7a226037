package rpc

import (
	"fmt"
	"strings"
)

func (c *Command) help() string {
	if c.HelpText != "" {
		return c.HelpText
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n", c.usage(), c.Summary)
	var arguments, members columns
	for i, p := range c.shown() {
		arguments.add(fmt.Sprintf("%d. %s", i+1, p.names()[0]), p.description())
		if len(p.Members) == 0 {
			arguments.inside(p, "     ", "")
		}
		for _, name := range p.Members {
			members.add(name, p.inner(name).description())
		}
	}
	b.WriteString(arguments.under("Arguments:") + members.under("Named Arguments:"))
	switch {
	case c.Result != "":
		fmt.Fprintf(&b, "\nResult:\n%s\n", c.Result)
	case c.Returns != nil:
		b.WriteString(resultHelp(schemaOf(c.Returns)))
	}
	b.WriteString(c.examples())
	return b.String()
}

// description tells of a parameter behind its name.
func (p Param) description() string {
	kind := string(p.Type)
	switch {
	case p.Form == Money, p.Form == HeightOrHash:
		kind = "numeric or string"
	case p.Form == Range:
		kind = "numeric or array"
	case p.Type == Array, p.Form == Pairs:
		kind = "json array"
	case p.Type == Object:
		kind = "json object"
	case p.Type == Number:
		kind = "numeric"
	case p.Type == Bool:
		kind = "boolean"
	case p.Type == Any:
		kind = "any"
	}
	need := "required"
	if p.Optional {
		need = "optional"
		if p.Default != "" {
			need += ", default=" + p.Default
		}
	}
	return strings.TrimSpace(fmt.Sprintf("(%s, %s) %s", kind, need, p.Help))
}

// columns are lines of two parts, of which the right ones begin below each other.
type columns [][2]string

func (c *columns) add(left, right string) { *c = append(*c, [2]string{left, right}) }

// inside adds what a parameter holds; label is before it.
func (c *columns) inside(p Param, indent, label string) {
	open, end := "{", "}"
	if p.Type == Array || p.Form == Pairs {
		open, end = "[", "]"
	}
	if len(p.Inner) == 0 {
		return
	}
	c.add(indent+label+open, "")
	for _, m := range p.Inner {
		c.element(m, indent+"  ", open == "{")
	}
	if open == "[" || p.Form == Keyed {
		c.add(indent+"  ...", "")
	}
	c.add(indent+end, "")
}

func (c *columns) element(m Param, indent string, named bool) {
	label, value := "", m.placeholder()
	if named {
		label, value = `"`+m.names()[0]+`": `, m.value()
	}
	if len(m.Inner) == 0 {
		c.add(indent+label+value+",", m.description())
		return
	}
	c.inside(m, indent, label)
	(*c)[len(*c)-1][0] += ","
}

// under returns the lines below a title, nothing if there are none.
func (c columns) under(title string) string {
	width := 0
	for _, line := range c {
		if line[1] != "" {
			width = max(width, len(line[0]))
		}
	}
	var b strings.Builder
	for _, line := range c {
		right := strings.ReplaceAll(line[1], "\n", "\n"+strings.Repeat(" ", width+4))
		b.WriteString(strings.TrimRight(fmt.Sprintf("%-*s    %s", width, line[0], right), " ") + "\n")
	}
	if b.Len() == 0 {
		return ""
	}
	return "\n" + title + "\n" + b.String()
}
