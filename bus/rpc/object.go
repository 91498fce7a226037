package rpc

import "encoding/json"

// Member is what an object may have.
type Member struct {
	Name     string
	Type     Type
	Optional bool
}

// CheckObject reports a value that is no object, and in an object the first
// member that lacks, is of another type, or is not among the members, which are
// ordered by name. A null is as good as nothing.
func CheckObject(raw json.RawMessage, members ...Member) error {
	if got := typeOf(raw); got != Object {
		return wrongType(got, Object)
	}
	var given map[string]json.RawMessage
	if err := json.Unmarshal(raw, &given); err != nil {
		return Errorf(ParseError, "Parse error")
	}
	for _, m := range members {
		got := typeOf(given[m.Name])
		delete(given, m.Name)
		switch {
		case got == "null" && m.Optional:
		case got == "null":
			return Errorf(TypeError, "Missing %s", m.Name)
		case m.Type != Any && got != m.Type:
			return Errorf(TypeError, "JSON value of type %s for field %s is not of expected type %s", got, m.Name, m.Type)
		}
	}
	for name := range given {
		return Errorf(TypeError, "Unexpected key %s", name)
	}
	return nil
}
