package rpc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Type is what a parameter must be in JSON.
type Type string

// The types of parameters. Any is not checked before the handler looks at it.
const (
	String Type = "string"
	Number Type = "number"
	Bool   Type = "bool"
	Array  Type = "array"
	Object Type = "object"
	Any    Type = ""
)

// Param is one parameter of a command.
type Param struct {
	Name     string // aliases follow, separated by "|"
	Type     Type
	Optional bool
	Help     string
	// Default is the JSON of what an optional parameter is if it is not given, or says in
	// words what is done then.
	Default string
	// Form and Inner are for documents: what the parameter is, and the members of an
	// Object, or what the elements of an Array may be.
	Form  Form
	Inner []Param
	// Short stands for the parameter where help shows the command in one line, instead of
	// what Inner makes.
	Short string
	// Hidden keeps the parameter out of documents, Placeholder says that it is there for
	// old clients only.
	Hidden, Placeholder bool
	// Members are those of an object that may also be given by their own names
	// instead of in the object.
	Members []string
	// Word is how a word of a command line becomes the parameter, MemberWords how one
	// becomes a member that is not JSON.
	Word        Word
	MemberWords map[string]Word
}

func (p Param) names() []string { return strings.Split(p.Name, "|") }

// arguments turns the JSON of params into one value a parameter; a missing or
// null argument is nil. A null for one that is required is of the wrong type, as
// in Bitcoin Core, and not as good as none.
func (c *Command) arguments(params []byte) ([]json.RawMessage, error) {
	positional, named, err := splitParams(params)
	if err != nil {
		return nil, err
	}
	args, err := c.place(positional, named)
	if err != nil {
		return nil, err
	}
	if len(args) > len(c.Params) {
		return nil, &Error{MiscError, c.help()}
	}
	for i, param := range c.Params {
		if !param.Optional && i >= len(args) {
			return nil, &Error{MiscError, c.help()}
		}
	}
	return args, c.checkTypes(args)
}

// splitParams separates an array or object; an object's member "args" holds
// positional arguments.
func splitParams(params []byte) ([]json.RawMessage, map[string]json.RawMessage, error) {
	params = bytes.TrimSpace(params)
	if len(params) == 0 || string(params) == "null" {
		return nil, nil, nil
	}
	if params[0] == '[' {
		var positional []json.RawMessage
		err := json.Unmarshal(params, &positional)
		return positional, nil, invalidParams(err)
	}
	named, err := namedParams(params)
	if err != nil {
		return nil, nil, err
	}
	var positional []json.RawMessage
	if args, ok := named["args"]; ok && typeOf(args) == Array {
		if err := json.Unmarshal(args, &positional); err != nil {
			return nil, nil, invalidParams(err)
		}
		delete(named, "args")
	}
	return positional, named, nil
}

// namedParams decodes an object. A name that it has twice is a fault: which of both
// was meant cannot be known.
func namedParams(object []byte) (map[string]json.RawMessage, error) {
	named := map[string]json.RawMessage{}
	if object[0] != '{' || !json.Valid(object) {
		return nil, errParams
	}
	in := json.NewDecoder(bytes.NewReader(object))
	_, _ = in.Token() // the brace
	for in.More() {
		token, err := in.Token()
		if err != nil {
			return nil, errParams
		}
		name, _ := token.(string) // so it is: the object is valid
		var value json.RawMessage
		if err := in.Decode(&value); err != nil {
			return nil, errParams
		}
		if _, twice := named[name]; twice {
			return nil, Errorf(InvalidParameter, "Parameter %s specified multiple times", name)
		}
		named[name] = value
	}
	return named, nil
}

var errParams = &Error{InvalidRequest, "Params must be an array or object"}

func invalidParams(err error) error {
	if err == nil {
		return nil
	}
	return errParams
}

// place puts named arguments at their positions.
func (c *Command) place(positional []json.RawMessage, named map[string]json.RawMessage) ([]json.RawMessage, error) {
	args := make([]json.RawMessage, len(positional), max(len(positional), len(c.Params)))
	for i, arg := range positional {
		if typeOf(arg) != "null" {
			args[i] = arg
		}
	}
	for i, param := range c.Params {
		if err := param.gather(named); err != nil {
			return nil, err
		}
		for _, name := range param.names() {
			arg, given := named[name]
			if !given {
				continue
			}
			delete(named, name)
			if i < len(positional) {
				return nil, Errorf(InvalidParameter, "Parameter %s specified twice both as positional and named argument", name)
			}
			for len(args) <= i {
				args = append(args, nil)
			}
			if typeOf(arg) != "null" {
				args[i] = arg
			}
		}
	}
	for name := range named {
		return nil, Errorf(InvalidParameter, "Unknown named parameter %s", name)
	}
	return args, nil
}

// gather makes one argument of members that are given by their own names.
func (p Param) gather(named map[string]json.RawMessage) error {
	members := map[string]json.RawMessage{}
	for _, name := range p.Members {
		if arg, given := named[name]; given {
			members[name] = arg
			delete(named, name)
		}
	}
	if len(members) == 0 {
		return nil
	}
	whole := p.names()[0]
	if _, given := named[whole]; given {
		for name := range members {
			return Errorf(InvalidParameter, "Parameter %s conflicts with parameter %s", whole, name)
		}
	}
	object, err := json.Marshal(members)
	named[whole] = object
	return err
}

func (c *Command) checkTypes(args []json.RawMessage) error {
	var wrong []string
	for i, arg := range args {
		want := c.Params[i].Type
		if arg == nil && c.Params[i].Optional || want == Any || typeOf(arg) == want {
			continue
		}
		wrong = append(wrong, fmt.Sprintf("    \"Position %d (%s)\": \"JSON value of type %s is not of expected type %s\"",
			i+1, c.Params[i].names()[0], typeOf(arg), want))
	}
	if len(wrong) > 0 {
		return Errorf(TypeError, "Wrong type passed:\n{\n%s\n}", strings.Join(wrong, ",\n"))
	}
	return nil
}

// typeOf names the type of a valid JSON value as Bitcoin Core does.
func typeOf(value json.RawMessage) Type {
	value = bytes.TrimSpace(value)
	if len(value) == 0 {
		return "null"
	}
	switch value[0] {
	case '"':
		return String
	case '[':
		return Array
	case '{':
		return Object
	case 't', 'f':
		return Bool
	case 'n':
		return "null"
	}
	return Number
}
