package rpc

import "encoding/json"

// Member is what an object may have.
type Member struct {
	Name     string
	Type     Type
	Optional bool
}

// Expect fails as Bitcoin Core does if a value is of another type than want.
func Expect(raw json.RawMessage, want Type) error {
	if got := typeOf(raw); got != want {
		return wrongType(got, want)
	}
	return nil
}

// CheckObject reports a value that is no object, and in an object the first
// member that lacks, is of another type, or is not among the members, which are
// ordered by name. A null is as good as nothing.
func CheckObject(raw json.RawMessage, members ...Member) error {
	given, err := Members(raw, members...)
	if err != nil {
		return err
	}
	for _, m := range members {
		delete(given, m.Name)
	}
	for name := range given {
		return Errorf(TypeError, "Unexpected key %s", name)
	}
	return nil
}

// Members is CheckObject for an object that may have others, too. It returns all.
func Members(raw json.RawMessage, members ...Member) (map[string]json.RawMessage, error) {
	if err := Expect(raw, Object); err != nil {
		return nil, err
	}
	var given map[string]json.RawMessage
	if err := json.Unmarshal(raw, &given); err != nil {
		return nil, Errorf(ParseError, "Parse error")
	}
	for _, m := range members {
		got := typeOf(given[m.Name])
		switch {
		case got == "null" && m.Optional:
		case got == "null":
			return nil, Errorf(TypeError, "Missing %s", m.Name)
		case m.Type != Any && got != m.Type:
			return nil, Errorf(TypeError, "JSON value of type %s for field %s is not of expected type %s", got, m.Name, m.Type)
		}
	}
	return given, nil
}
