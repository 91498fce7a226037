package rpc

import (
	"maps"
	"slices"
	"strings"
)

// resultHelp shows what a command returns.
func resultHelp(s Schema) string {
	alternatives, several := s["oneOf"].([]Schema)
	if !several {
		alternatives = []Schema{s}
	}
	var b strings.Builder
	for _, a := range alternatives {
		var lines columns
		lines.result(a, "", "", "", false)
		b.WriteString(lines.under("Result:"))
	}
	return b.String()
}

// result adds a value: label is its name, and after follows it.
func (c *columns) result(s Schema, indent, label, after string, optional bool) {
	note := func(kind string) string {
		if optional {
			kind += ", optional"
		}
		return "(" + kind + ")"
	}
	switch {
	case s["type"] == "object":
		c.add(indent+label+"{", note("json object"))
		c.resultMembers(s, indent+"  ")
		c.add(indent+"}"+after, "")
	case s["type"] == "array":
		c.add(indent+label+"[", note("json array"))
		if items, fixed := s["items"].([]Schema); fixed {
			for i, item := range items {
				c.result(item, indent+"  ", "", comma(i, len(items)), false)
			}
		} else if item, ok := s["items"].(Schema); ok {
			c.result(item, indent+"  ", "", ",", false)
			c.add(indent+"  ...", "")
		}
		c.add(indent+"]"+after, "")
	default:
		text, kind := scalar(s)
		c.add(indent+label+text+after, note(kind))
	}
}

func (c *columns) resultMembers(s Schema, indent string) {
	properties, _ := s["properties"].(map[string]Schema)
	required, _ := s["required"].([]string)
	for i, name := range slices.Sorted(maps.Keys(properties)) {
		c.result(properties[name], indent, `"`+name+`" : `, comma(i, len(properties)), !slices.Contains(required, name))
	}
	if value, ok := s["additionalProperties"].(Schema); ok {
		c.result(value, indent, `"name" : `, ",", false)
		c.add(indent+"...", "")
	}
}

func comma(i, n int) string {
	if i == n-1 {
		return ""
	}
	return ","
}

// scalar shows a value without parts.
func scalar(s Schema) (text, kind string) {
	switch s["type"] {
	case "string":
		if s["pattern"] != nil {
			return `"hex"`, "string"
		}
		return `"str"`, "string"
	case "number":
		return "n", "numeric"
	case "boolean":
		return "true|false", "boolean"
	case "null":
		return "null", "json null"
	}
	return "...", "any"
}
