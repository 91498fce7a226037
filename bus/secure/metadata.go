package secure

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// Properties that every peer states, or may state, of itself (RFC 23).
const (
	propSocketType = "Socket-Type"
	propIdentity   = "Identity"
	maxIdentity    = 255
)

// Property is one line of a peer's metadata: a name of 1 to 255 characters
// and a value of any bytes (RFC 23, "Metadata").
type Property struct{ Name, Value string }

func appendProperty(b []byte, name, value string) []byte {
	b = append(b, byte(len(name)))
	b = append(b, name...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(value)))
	return append(b, value...)
}

// metadata is what a peer says of itself: raw as it came, and parsed.
type metadata struct {
	raw        []byte
	properties []Property
}

// newMetadata is this side's own. The identity may be empty.
func newMetadata(socketType, identity string) metadata {
	m := metadata{raw: appendProperty(nil, propSocketType, socketType)}
	m.properties = append(m.properties, Property{propSocketType, socketType})
	if identity != "" {
		m.raw = appendProperty(m.raw, propIdentity, identity)
		m.properties = append(m.properties, Property{propIdentity, identity})
	}
	return m
}

// get returns the value of the property name, whose case does not matter.
func (m metadata) get(name string) string {
	for _, p := range m.properties {
		if strings.EqualFold(p.Name, name) {
			return p.Value
		}
	}
	return ""
}

// parseMetadata checks raw, which the caller has bounded, and copies it.
// Socket-Type must be there; no name may be there twice.
func parseMetadata(raw []byte) (metadata, error) {
	m := metadata{raw: append([]byte(nil), raw...)}
	for len(raw) > 0 {
		p, rest, err := parseProperty(raw)
		if err != nil {
			return metadata{}, err
		}
		for _, earlier := range m.properties {
			if strings.EqualFold(earlier.Name, p.Name) {
				return metadata{}, malformed("property %s is there twice", p.Name)
			}
		}
		m.properties = append(m.properties, p)
		raw = rest
	}
	if m.get(propSocketType) == "" {
		return metadata{}, malformed("no %s in the metadata", propSocketType)
	}
	if n := len(m.get(propIdentity)); n > maxIdentity {
		return metadata{}, &Error{Kind: ErrLimit, Detail: fmt.Sprintf("an identity of %d bytes, at most %d", n, maxIdentity)}
	}
	return m, nil
}

func parseProperty(raw []byte) (p Property, rest []byte, err error) {
	end := 1 + int(raw[0])
	if end == 1 || len(raw) < end+4 {
		return p, nil, malformed("a property's name is cut short or empty")
	}
	p.Name = string(raw[1:end])
	if strings.ContainsFunc(p.Name, notInName) {
		return p, nil, malformed("a character in a property's name that is not allowed there")
	}
	size := binary.BigEndian.Uint32(raw[end:])
	rest = raw[end+4:]
	if uint64(size) > uint64(len(rest)) {
		return p, nil, malformed("property %s claims %d bytes, %d are there", p.Name, size, len(rest))
	}
	p.Value = string(rest[:size])
	return p, rest[size:], nil
}

// notInName is the complement of RFC 23's name-char.
func notInName(r rune) bool {
	alnum := r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	return !alnum && !strings.ContainsRune("-_.+", r)
}

func malformed(format string, args ...any) error {
	return &Error{Kind: ErrMalformed, Detail: fmt.Sprintf(format, args...)}
}
