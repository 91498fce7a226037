package rights

import "strings"

// Role is what a link may be.
type Role string

// Rights lists name patterns: a name, a name that ends in "*" for all that
// begin with what is before it, and "{self}" for the link's own instance.
type Rights struct {
	Call    []string // methods it may call
	Offer   []string // methods it may serve
	Publish []string // topics it may publish
	Hear    []string // topics it may subscribe to; a subscription's prefix must lie within one
	// Share bounds how much of a part all links of the role may take up
	// together: percent of the calls that may wait for one link; 0 for no bound.
	Share int
	// Messages and Bytes are what one link may send of its own accord in a second, and
	// at once after a second's silence; 0 for no bound.
	Messages, Bytes int
}

// Part is the part of limit that links of the role may have, at least one.
func (r Rights) Part(limit int) int {
	if r.Share == 0 {
		return limit
	}
	return max(1, limit*r.Share/100)
}

// Table says what each role may do.
type Table map[Role]Rights

// Allows reports whether a name is within one of the patterns of an instance.
func Allows(patterns []string, instance, name string) bool {
	for _, pattern := range patterns {
		pattern = strings.ReplaceAll(pattern, "{self}", instance)
		if prefix, open := strings.CutSuffix(pattern, "*"); open {
			if strings.HasPrefix(name, prefix) {
				return true
			}
		} else if pattern == name {
			return true
		}
	}
	return false
}
