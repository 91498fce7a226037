package config

import (
	"fmt"
	"strings"
)

// maxUserAgent bounds the user agent in bytes (MAX_SUBVERSION_LENGTH).
const maxUserAgent = 256

// UserAgent builds what peers are shown (BIP14) of a name, a version and
// -uacomment.
func (s *Settings) UserAgent(name, version string) (string, error) {
	const safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,;-_?@"
	comments := s.List("uacomment")
	for _, comment := range comments {
		if strings.Trim(comment, safe) != "" {
			return "", Complain("User Agent comment (%s) contains unsafe characters.", comment)
		}
	}
	agent := fmt.Sprintf("/%s:%s/", name, version)
	if len(comments) > 0 {
		agent = fmt.Sprintf("/%s:%s(%s)/", name, version, strings.Join(comments, "; "))
	}
	if len(agent) > maxUserAgent {
		return "", Complain("Total length of network version string (%d) exceeds maximum length (%d). Reduce the number or size of uacomments.", len(agent), maxUserAgent)
	}
	return agent, nil
}
