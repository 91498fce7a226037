package config

import (
	"fmt"
	"reflect"
	"strings"
)

// Fill sets the fields of a part's settings, a struct that to points to, which
// name their setting in a tag: `option:"txindex"`, or `option:"!dns"` for the
// opposite of a switch. A setting that was not given leaves its field as it is.
// A field is a bool, an int, int32 or int64, a string or a list of strings; a
// tag on another, or of a setting that there is not, is a fault of the program
// and panics.
func (s *Settings) Fill(to any) {
	v := reflect.ValueOf(to).Elem()
	for i := range v.NumField() {
		if tag, has := v.Type().Field(i).Tag.Lookup("option"); has {
			s.fill(v.Field(i), tag)
		}
	}
}

func (s *Settings) fill(field reflect.Value, tag string) {
	name, opposite := strings.CutPrefix(tag, "!")
	if _, known := s.options[name]; !known {
		panic(fmt.Sprintf("config: there is no option %q", name))
	}
	if !s.Has(name) {
		return
	}
	switch field.Interface().(type) {
	case bool:
		field.SetBool(s.Bool(name, false) != opposite)
	case int, int32, int64:
		field.SetInt(s.Int(name, 0))
	case string:
		field.SetString(s.Text(name, ""))
	case []string:
		field.Set(reflect.ValueOf(s.List(name)))
	default:
		panic(fmt.Sprintf("config: option %q cannot fill a %s", name, field.Type()))
	}
}
