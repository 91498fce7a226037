package rpc

import (
	"fmt"
	"strings"
)

func (c *Command) info() Info {
	params := make([]string, len(c.Params))
	for i, p := range c.Params {
		params[i] = p.Name
	}
	return Info{
		Name: c.Name, Category: c.Category, Usage: c.usage(), Help: c.help(), Params: params,
		EveryPart: c.EveryPart, PerWallet: c.PerWallet,
	}
}

// usage is the line that help without arguments prints: optional parameters
// are in parentheses, strings in quotes.
func (c *Command) usage() string {
	var b strings.Builder
	b.WriteString(c.Name)
	open := false
	for _, p := range c.Params {
		if p.Optional != open {
			if open {
				b.WriteString(" )")
			} else {
				b.WriteString(" (")
			}
			open = p.Optional
		}
		b.WriteString(" " + p.placeholder())
	}
	if open {
		b.WriteString(" )")
	}
	return b.String()
}

func (p Param) placeholder() string {
	name := p.names()[0]
	switch p.Type {
	case String:
		return `"` + name + `"`
	case Array:
		return "[" + name + ",...]"
	case Object:
		return "{" + name + "}"
	}
	return name
}

func (c *Command) help() string {
	if c.HelpText != "" {
		return c.HelpText
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n", c.usage(), c.Summary)
	if len(c.Params) > 0 {
		b.WriteString("\nArguments:\n")
	}
	for i, p := range c.Params {
		kind := string(p.Type)
		if p.Type == Any {
			kind = "any"
		}
		need := "required"
		if p.Optional {
			need = "optional"
			if p.Default != "" {
				need += ", default=" + p.Default
			}
		}
		fmt.Fprintf(&b, "%d. %-20s (%s, %s) %s\n", i+1, p.names()[0], kind, need, p.Help)
	}
	if c.Result != "" {
		fmt.Fprintf(&b, "\nResult:\n%s\n", c.Result)
	}
	return b.String()
}
