package descriptor

import (
	"strings"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/bulkheadnode/bulkhead/internal/wording"
)

// maxPaths bounds the descriptors that one with multipath expressions stands
// for.
const maxPaths = 256

// ParseAll reads a descriptor, which stands for several if the paths of its keys
// have steps such as <0;1> (BIP389): they are returned in the order of those. The
// checksum is optional, and of the text as it is.
func ParseAll(text string, net *chaincfg.Params) ([]*Descriptor, error) {
	body, err := checked(text)
	if err != nil {
		return nil, err
	}
	bodies, err := paths(body)
	if err != nil {
		return nil, err
	}
	list := make([]*Descriptor, len(bodies))
	for i, one := range bodies {
		if list[i], err = parse(one, net, ""); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// paths writes out the descriptors that one stands for.
func paths(body string) ([]string, error) {
	literal, choices, err := choicesIn(body)
	if err != nil {
		return nil, err
	}
	if len(choices) == 0 {
		return []string{body}, nil
	}
	bodies := make([]string, len(choices[0]))
	for i := range bodies {
		var b strings.Builder
		for j, c := range choices {
			b.WriteString(literal[j])
			b.WriteString(c[i])
		}
		b.WriteString(literal[len(choices)])
		bodies[i] = b.String()
	}
	return bodies, nil
}

// choicesIn takes the multipath steps out of a descriptor: what is between them,
// and the choices of each, of which all have as many.
func choicesIn(body string) (literal []string, choices [][]string, err error) {
	for {
		before, rest, found := strings.Cut(body, "<")
		literal = append(literal, before)
		if !found {
			return literal, choices, nil
		}
		if len(choices) > 0 && !strings.ContainsAny(before, ",()") {
			return nil, nil, wording.Errorf("Multiple multipath key path specifiers found")
		}
		text, after, closed := strings.Cut(rest, ">")
		if strings.LastIndex(before, "[") > strings.LastIndex(before, "]") {
			return nil, nil, wording.Errorf("Key path value '<%s>' specifies multipath in a section where multipath is not allowed", text)
		}
		if !closed || !strings.HasSuffix(before, "/") || strings.IndexAny(after, "/,)") != 0 {
			return nil, nil, wording.Errorf("Key path value '<%s' is not a valid multipath specifier", text)
		}
		list, err := choicesOf(text)
		if err != nil {
			return nil, nil, err
		}
		if len(choices) > 0 && len(list) != len(choices[0]) {
			return nil, nil, wording.Errorf("Multipath key path specifiers have %d and %d items; all must have as many", len(choices[0]), len(list))
		}
		choices, body = append(choices, list), after
	}
}

func choicesOf(text string) ([]string, error) {
	list := strings.Split(text, ";")
	switch {
	case len(list) < 2:
		return nil, wording.Errorf("Multipath key path specifiers must have at least two items")
	case len(list) > maxPaths:
		return nil, wording.Errorf("Multipath key path specifiers must have at most %d items", maxPaths)
	}
	seen := map[step]bool{}
	for _, item := range list {
		s, err := parseStep(item)
		if err != nil {
			return nil, err
		}
		if seen[s] {
			return nil, wording.Errorf("Duplicated key path value %s in multipath specifier", item)
		}
		seen[s] = true
	}
	return list, nil
}
