package rpc

// Form says more closely than its Type what a parameter, or what is inside one, is.
// It is for documents: nothing is checked against it.
type Form string

// The forms. Those of one type are of a Param that has this type, the others of one
// whose type is Any.
const (
	AsTyped      Form = ""
	Hex          Form = "hex"            // a String of hex digits
	Keyed        Form = "keyed"          // an Object with names of the caller's choice, and values as Inner[0]
	Money        Form = "amount"         // a number or string of bitcoins
	Range        Form = "range"          // a number, or an array of two
	HeightOrHash Form = "height or hash" // a number or a string
	Pairs        Form = "pairs"          // an Array of objects as in Inner, or one object that has all their members
	Anything     Form = "anything"       // is treated as a string where only strings and others are told apart
)

// JSONSchema implements Describer: a form is what a command returns, too.
func (f Form) JSONSchema() Schema { return Param{Form: f}.shape() }

// Schema is a JSON Schema, or a part of one.
type Schema map[string]any

// isText reports whether the parameter counts as a string.
func (p Param) isText() bool { return p.Type == String || p.Form == Anything }

func typed(name string) Schema { return Schema{"type": name} }

func hexSchema() Schema { return Schema{"type": "string", "pattern": "^[0-9a-fA-F]+$"} }

func oneOf(schemas ...Schema) Schema { return Schema{"oneOf": schemas} }

// tuple is the schema of an array of fixed length.
func tuple(items []Schema) Schema {
	return Schema{"type": "array", "items": items, "additionalItems": false, "minItems": len(items), "maxItems": len(items)}
}

// schema returns what the parameter may be, and what it is if it is not given.
func (p Param) schema() Schema {
	s := p.shape()
	switch value, isValue := p.fallback(); {
	case isValue:
		s["default"] = value
	case p.Default != "":
		s["x-bitcoin-default-hint"] = p.Default
	}
	return s
}

func (p Param) shape() Schema {
	switch p.Form {
	case Hex:
		return hexSchema()
	case Money:
		return oneOf(typed("number"), typed("string"))
	case Range:
		return oneOf(typed("number"), tuple([]Schema{typed("number"), typed("number")}))
	case HeightOrHash:
		return oneOf(typed("integer"), typed("string"))
	case Keyed:
		return p.keyed()
	case Pairs:
		return oneOf(Schema{"type": "array", "items": choice("anyOf", p.Inner)}, typed("object"))
	}
	switch p.Type {
	case String, Number:
		return typed(string(p.Type))
	case Bool:
		return typed("boolean")
	case Array:
		return Schema{"type": "array", "items": choice("oneOf", p.Inner)}
	case Object:
		return p.members()
	}
	return Schema{}
}

// choice is the schema of what is as any of several parameters.
func choice(word string, among []Param) Schema {
	if len(among) == 0 {
		return Schema{}
	}
	schemas := make([]Schema, len(among))
	for i, p := range among {
		schemas[i] = p.schema()
	}
	if len(schemas) == 1 {
		return schemas[0]
	}
	return Schema{word: schemas}
}

func (p Param) keyed() Schema {
	s := typed("object")
	s["additionalProperties"] = choice("oneOf", p.Inner)
	if len(p.Inner) > 0 && p.Inner[0].Help != "" {
		s["description"] = p.Inner[0].Help
	}
	return s
}

func (p Param) members() Schema {
	if len(p.Inner) == 0 {
		return typed("object")
	}
	properties, required := map[string]Schema{}, []string{}
	for _, m := range p.Inner {
		property := m.schema()
		if m.Help != "" {
			property["description"] = m.Help
		}
		properties[m.names()[0]] = property
		if !m.Optional {
			required = append(required, m.names()[0])
		}
	}
	s := Schema{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}
