package config

import (
	"fmt"
	"strings"
)

// maxUserAgent bounds the user agent in bytes (MAX_SUBVERSION_LENGTH).
const maxUserAgent = 256

// Product is a name with a version.
type Product struct{ Name, Version string }

// UserAgent builds what peers are shown (BIP14) of products, that on which the others
// are built first, and -uacomment.
func (s *Settings) UserAgent(products ...Product) (string, error) {
	const safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,;-_?@"
	comments := s.List("uacomment")
	for _, comment := range comments {
		if strings.Trim(comment, safe) != "" {
			return "", Complain("User Agent comment (%s) contains unsafe characters.", comment)
		}
	}
	agent := ""
	for _, p := range products {
		agent += fmt.Sprintf("/%s:%s", p.Name, p.Version)
	}
	if len(comments) > 0 {
		agent += "(" + strings.Join(comments, "; ") + ")"
	}
	agent += "/"
	if len(agent) > maxUserAgent {
		return "", Complain("Total length of network version string (%d) exceeds maximum length (%d). Reduce the number or size of uacomments.", len(agent), maxUserAgent)
	}
	return agent, nil
}
