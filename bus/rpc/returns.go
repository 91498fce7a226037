package rpc

import (
	"cmp"
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// Describer is a type whose JSON cannot be told from its definition.
type Describer interface{ JSONSchema() Schema }

// Null is what a command returns that returns nothing.
type Null struct{}

// JSONSchema implements Describer.
func (Null) JSONSchema() Schema { return typed("null") }

// Never is a bool that is false.
const Never never = false

type never bool

// JSONSchema implements Describer.
func (never) JSONSchema() Schema { return Schema{"const": false} }

// Alternatives are what a command returns one of.
type Alternatives []any

// JSONSchema implements Describer.
func (a Alternatives) JSONSchema() Schema {
	schemas := make([]Schema, len(a))
	for i, value := range a {
		schemas[i] = schemaOf(value)
	}
	return oneOf(schemas...)
}

// Some is a struct of whose members a command returns those that were asked for.
type Some struct{ Of any }

// JSONSchema implements Describer.
func (s Some) JSONSchema() Schema {
	schema := schemaOf(s.Of)
	delete(schema, "required")
	return schema
}

// JSONSchema implements Describer.
func (Float) JSONSchema() Schema { return typed("number") }

// schemaOf returns the schema of values of a type, made of its definition as
// encoding/json reads it. Of what that does not tell it says nothing: the schema of
// an interface, and of a type that makes its JSON itself, allows all.
func schemaOf(value any) Schema {
	if d, ok := value.(Describer); ok {
		return d.JSONSchema()
	}
	if value == nil {
		return Schema{}
	}
	return (&describer{}).typeSchema(reflect.TypeOf(value))
}

// describer describes types; within are those that it is in the middle of.
type describer struct{ within []reflect.Type }

var (
	amountType    = reflect.TypeFor[Amount]()
	describerType = reflect.TypeFor[Describer]()
	marshalerType = reflect.TypeFor[json.Marshaler]()
	textType      = reflect.TypeFor[encoding.TextMarshaler]()
)

func (d *describer) typeSchema(t reflect.Type) Schema {
	switch {
	case t == amountType:
		return Schema{"type": "number", "x-bitcoin-unit": "amount"}
	case t.Kind() == reflect.Pointer:
		return d.typeSchema(t.Elem())
	case t.Implements(describerType):
		return reflect.Zero(t).Interface().(Describer).JSONSchema()
	case t.Implements(marshalerType), slices.Contains(d.within, t):
		return Schema{}
	case t.Implements(textType):
		return typed("string")
	}
	d.within = append(d.within, t)
	defer func() { d.within = d.within[:len(d.within)-1] }()
	return d.kindSchema(t)
}

func (d *describer) kindSchema(t reflect.Type) Schema {
	switch t.Kind() {
	case reflect.Bool:
		return typed("boolean")
	case reflect.String:
		return typed("string")
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return typed("string")
		}
		return Schema{"type": "array", "items": d.typeSchema(t.Elem())}
	case reflect.Array:
		return tuple(slices.Repeat([]Schema{d.typeSchema(t.Elem())}, t.Len()))
	case reflect.Map:
		return Schema{"type": "object", "additionalProperties": d.typeSchema(t.Elem())}
	case reflect.Struct:
		return d.structSchema(t)
	case reflect.Interface:
		return Schema{}
	}
	return typed("number")
}

func (d *describer) structSchema(t reflect.Type) Schema {
	properties, required := map[string]Schema{}, []string{}
	d.fields(t, func(name string, field Schema, optional bool) {
		properties[name] = field
		if !optional {
			required = append(required, name)
		}
	})
	s := Schema{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// fields calls found with every member of a struct's JSON.
func (d *describer) fields(t reflect.Type, found func(name string, field Schema, optional bool)) {
	for i := range t.NumField() {
		field := t.Field(i)
		tag := strings.Split(field.Tag.Get("json"), ",")
		inner := field.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		switch {
		case tag[0] == "-":
		case field.Anonymous && tag[0] == "" && inner.Kind() == reflect.Struct:
			absent := field.Type.Kind() == reflect.Pointer // it may be
			d.fields(inner, func(name string, s Schema, optional bool) { found(name, s, optional || absent) })
		case field.IsExported():
			optional := slices.Contains(tag, "omitempty") || slices.Contains(tag, "omitzero")
			s := d.typeSchema(field.Type)
			if field.Type.Kind() == reflect.Pointer && !optional && len(s) > 0 {
				s = oneOf(s, typed("null"))
			}
			found(cmp.Or(tag[0], field.Name), s, optional)
		}
	}
}
