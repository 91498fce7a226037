package gateway

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// openRPCVersion is that of the specification that the document follows.
const openRPCVersion = "1.4.1"

// openRPCDocument tells a program which methods there are.
type openRPCDocument struct {
	OpenRPC string          `json:"openrpc"`
	Info    openRPCInfo     `json:"info"`
	Methods []openRPCMethod `json:"methods"`
}

type openRPCInfo struct {
	Title       string `json:"title"`
	Version     string `json:"version"`
	Description string `json:"description"`
}

type openRPCMethod struct {
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Params      []openRPCParam `json:"params"`
	Result      openRPCResult  `json:"result"`
	Category    string         `json:"x-bitcoin-category"`
}

type openRPCParam struct {
	Name        string          `json:"name"`
	Required    bool            `json:"required"`
	Schema      json.RawMessage `json:"schema"`
	Aliases     []string        `json:"x-bitcoin-aliases,omitempty"`
	Placeholder bool            `json:"x-bitcoin-placeholder,omitempty"`
	Description string          `json:"description,omitempty"`
}

type openRPCResult struct {
	Name   string          `json:"name"`
	Schema json.RawMessage `json:"schema"`
}

func (g *gateway) openRPCCommands() rpc.Table {
	return rpc.Table{
		{
			Name: "getopenrpcinfo", Category: "Control",
			Summary: "Returns an OpenRPC document that describes the commands there are.",
			Params: []rpc.Param{
				{Name: "show_hidden", Type: rpc.Bool, Optional: true, Default: "false", Help: "Whether to describe hidden commands and parameters too."},
			},
			Returns: openRPCDocument{}, Examples: []string{"[]", "[true]"},
			Run: func(_ context.Context, call *rpc.Call) (any, error) {
				hidden, err := call.Bool(0, false)
				if err != nil {
					return nil, err
				}
				return g.openRPC(hidden), nil
			},
		},
		{
			Name: "rpc.discover", Category: "Control",
			Summary: "Returns an OpenRPC document that describes this service.", Returns: openRPCDocument{},
			Run: func(context.Context, *rpc.Call) (any, error) { return g.openRPC(false), nil },
		},
	}
}

func (g *gateway) openRPC(hidden bool) openRPCDocument {
	doc := openRPCDocument{
		OpenRPC: openRPCVersion,
		Info: openRPCInfo{
			Title: g.cfg.Product + " JSON-RPC", Version: "v" + g.cfg.Version,
			Description: "Made of what the compartments of " + g.cfg.Product + " announce.",
		},
		Methods: []openRPCMethod{},
	}
	for _, info := range g.directory.all() {
		if hidden || info.Category != hiddenCategory {
			doc.Methods = append(doc.Methods, newOpenRPCMethod(info, hidden))
		}
	}
	slices.SortFunc(doc.Methods, func(a, b openRPCMethod) int { return compare(a.Name, b.Name) })
	return doc
}

func newOpenRPCMethod(info rpc.Info, hidden bool) openRPCMethod {
	m := openRPCMethod{
		Name: info.Name, Description: strings.TrimSpace(info.Summary), Params: []openRPCParam{},
		Result: openRPCResult{"result", schemaOrAny(info.Result)}, Category: strings.ToLower(info.Category),
	}
	for _, p := range info.Params {
		if len(p.Names) == 0 || p.Hidden && !hidden {
			continue
		}
		m.Params = append(m.Params, openRPCParam{
			Name: p.Names[0], Required: p.Required, Schema: schemaOrAny(p.Schema), Aliases: p.Names[1:],
			Placeholder: p.Placeholder, Description: p.Help,
		})
	}
	return m
}

// schemaOrAny returns a schema, and for none the one that allows all.
func schemaOrAny(schema json.RawMessage) json.RawMessage {
	if len(schema) == 0 {
		return json.RawMessage("{}")
	}
	return schema
}

// conversions lists for every parameter, by each of its names, the command, its
// position, the name, and whether a word for it is a string as it stands. Test
// programs compare that with the table of a client.
func (g *gateway) conversions() [][]any {
	list := [][]any{}
	for _, info := range g.directory.all() {
		for i, p := range info.Params {
			for _, name := range p.Names {
				list = append(list, []any{info.Name, i, name, p.Text})
			}
			for _, m := range p.Members {
				list = append(list, []any{info.Name, i, m.Name, m.Text})
			}
		}
	}
	return list
}
