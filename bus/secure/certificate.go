package secure

import (
	"errors"
	"fmt"
	"strings"
)

// parseCertificate reads the text of a key file. Its errors name lines and
// never quote them: a line may hold a secret.
func parseCertificate(text string) (Certificate, error) {
	var c Certificate
	section, lineNumber := "", 0
	for line := range strings.Lines(text) {
		lineNumber++
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || trimmed[0] == '#':
			continue
		case trimmed[0] != line[0]: // indented
			if err := c.addLine(section, trimmed); err != nil {
				return Certificate{}, fmt.Errorf("line %d: %w", lineNumber, err)
			}
		default:
			section = trimmed
		}
	}
	if c.Public == (PublicKey{}) {
		return Certificate{}, errors.New("no public-key in the section curve")
	}
	if !c.Secret.IsZero() && c.Secret.Public() != c.Public {
		return Certificate{}, errors.New("public-key and secret-key do not belong together")
	}
	return c, nil
}

// addLine takes one line of a section. Sections and curve properties that are
// not known are passed over, as CZMQ does.
func (c *Certificate) addLine(section, line string) error {
	name, value, ok := strings.Cut(line, "=")
	name = strings.TrimSpace(name)
	if !ok || name == "" {
		return errors.New("not a property of the form name = value")
	}
	value, err := unquote(strings.TrimSpace(value))
	if err != nil {
		return err
	}
	switch section + "/" + name {
	case "curve/" + publicField:
		if c.Public != (PublicKey{}) {
			return errors.New("a second public-key")
		}
		c.Public, err = ParsePublicKey(value)
	case "curve/" + secretField:
		if !c.Secret.IsZero() {
			return errors.New("a second secret-key")
		}
		c.Secret, err = ParseKey(value)
	default:
		if section == "metadata" {
			c.Metadata = append(c.Metadata, Property{name, value})
		}
	}
	return err
}

// unquote strips one pair of equal quotes, which neither pyzmq nor CZMQ
// demands.
func unquote(value string) (string, error) {
	if value == "" || value[0] != '"' && value[0] != '\'' {
		return value, nil
	}
	if len(value) < 2 || value[len(value)-1] != value[0] {
		return "", errors.New("a quote that is not closed")
	}
	return value[1 : len(value)-1], nil
}
