package rpc

import (
	"encoding/json"
	"fmt"
	"regexp"
)

// CheckResult reports where a result is not as Returns says. It is for tests.
func (c *Command) CheckResult(result any) error {
	if c.Returns == nil {
		return nil
	}
	raw, err := marshal(result)
	if err != nil {
		return err
	}
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return err
	}
	if err := conform(value, schemaOf(c.Returns)); err != nil {
		return fmt.Errorf("result of %s: %w", c.Name, err)
	}
	return nil
}

// conform checks decoded JSON against the words that schemas are made of here.
func conform(value any, s Schema) error {
	if alternatives, ok := s["oneOf"].([]Schema); ok {
		var err error
		for _, a := range alternatives {
			if err = conform(value, a); err == nil {
				return nil
			}
		}
		return err
	}
	if constant, ok := s["const"]; ok && fmt.Sprint(constant) != fmt.Sprint(value) {
		return fmt.Errorf("%v is not %v", value, constant)
	}
	kind, told := s["type"]
	if !told {
		return nil
	}
	if got := jsonKind(value); got != kind {
		return fmt.Errorf("a value of type %s is not %v", got, kind)
	}
	switch value := value.(type) {
	case string:
		return conformText(value, s)
	case []any:
		return conformArray(value, s)
	case map[string]any:
		return conformObject(value, s)
	}
	return nil
}

func jsonKind(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	}
	return "number"
}

func conformText(text string, s Schema) error {
	pattern, ok := s["pattern"].(string)
	if ok && !regexp.MustCompile(pattern).MatchString(text) {
		return fmt.Errorf("%q does not match %s", text, pattern)
	}
	return nil
}

func conformArray(list []any, s Schema) error {
	each, _ := s["items"].(Schema)
	fixed, isFixed := s["items"].([]Schema)
	if isFixed && len(fixed) != len(list) {
		return fmt.Errorf("an array of %d, not of %d", len(list), len(fixed))
	}
	for i, element := range list {
		if isFixed {
			each = fixed[i]
		}
		if err := conform(element, each); err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return nil
}

func conformObject(object map[string]any, s Schema) error {
	properties, _ := s["properties"].(map[string]Schema)
	others, open := s["additionalProperties"].(Schema)
	for name, member := range object {
		schema, known := properties[name]
		switch {
		case !known && !open && s["additionalProperties"] == false:
			return fmt.Errorf("unexpected member %s", name)
		case !known:
			schema = others
		}
		if err := conform(member, schema); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	required, _ := s["required"].([]string)
	for _, name := range required {
		if _, given := object[name]; !given {
			return fmt.Errorf("no member %s", name)
		}
	}
	return nil
}
