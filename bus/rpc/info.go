package rpc

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Info is what the gateway knows of a command. Schemas are JSON Schema.
type Info struct {
	Name      string          `json:"name"`
	Category  string          `json:"category"`
	Usage     string          `json:"usage"` // first line of the help: name and parameters
	Help      string          `json:"help"`
	Summary   string          `json:"summary,omitempty"`
	Params    []ParamInfo     `json:"params,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"` // schema, nothing if that is not known
	EveryPart bool            `json:"every_part,omitempty"`
	PerWallet bool            `json:"per_wallet,omitempty"`
}

// ParamInfo is what the gateway knows of a parameter.
type ParamInfo struct {
	Names       []string        `json:"names"` // the first is the usual one
	Required    bool            `json:"required,omitempty"`
	Hidden      bool            `json:"hidden,omitempty"`
	Placeholder bool            `json:"placeholder,omitempty"`
	Text        bool            `json:"text,omitempty"` // counts as a string
	Help        string          `json:"help,omitempty"`
	Schema      json.RawMessage `json:"schema"`
	Members     []MemberInfo    `json:"members,omitempty"` // that may be given by their own names
}

// MemberInfo is what the gateway knows of a member of a parameter.
type MemberInfo struct {
	Name string `json:"name"`
	Text bool   `json:"text,omitempty"`
}

func (c *Command) info() (Info, error) {
	info := Info{
		Name: c.Name, Category: c.Category, Usage: c.usage(), Help: c.help(), Summary: c.Summary,
		EveryPart: c.EveryPart, PerWallet: c.PerWallet,
	}
	for _, p := range c.Params {
		param, err := p.info()
		if err != nil {
			return info, fmt.Errorf("%s: %w", c.Name, err)
		}
		info.Params = append(info.Params, param)
	}
	if c.Returns == nil {
		return info, nil
	}
	var err error
	info.Result, err = marshal(schemaOf(c.Returns))
	return info, err
}

func (p Param) info() (ParamInfo, error) {
	info := ParamInfo{
		Names: p.names(), Required: !p.Optional, Hidden: p.Hidden, Placeholder: p.Placeholder, Text: p.isText(), Help: p.Help,
	}
	for _, name := range p.Members {
		info.Members = append(info.Members, MemberInfo{Name: name, Text: p.inner(name).isText()})
	}
	var err error
	info.Schema, err = marshal(p.schema())
	return info, err
}

// inner returns what a member is.
func (p Param) inner(name string) Param {
	for _, m := range p.Inner {
		if m.names()[0] == name {
			return m
		}
	}
	return Param{Name: name}
}

// fallback returns the JSON of what the parameter is if it is not given, if there is
// such a value.
func (p Param) fallback() (json.RawMessage, bool) {
	return json.RawMessage(strings.TrimSpace(p.Default)), json.Valid([]byte(p.Default))
}
