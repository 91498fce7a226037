package ship

import (
	"slices"
	"strconv"
	"strings"

	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
)

// checkPorts refuses settings whose port is no port.
func checkPorts(s *config.Settings) error {
	for _, name := range []string{"port", "rpcport"} {
		if text := s.Text(name, "1"); !validPort(text) {
			return invalidPort(name, text)
		}
	}
	for _, name := range []string{"bind", "rpcbind", "whitebind", "metricsbind", "onion", "proxy", "i2psam", "torcontrol", "zmqpubhashblock", "zmqpubhashtx", "zmqpubrawblock", "zmqpubrawtx", "zmqpubsequence"} {
		for _, text := range s.List(name) {
			if !validEndpoint(name, text) {
				return invalidPort(name, text)
			}
		}
	}
	return nil
}

func invalidPort(name, text string) error {
	return config.Complain("Invalid port specified in -%s: '%s'", name, text)
}

func validPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

// validEndpoint looks at what follows the last colon of an address, unless
// that is within the brackets, or one of several colons, of an IPv6 address.
func validEndpoint(name, text string) bool {
	switch {
	case strings.HasPrefix(name, "zmqpub"):
		if strings.HasPrefix(text, "unix:") || strings.HasPrefix(text, "ipc:") {
			return true
		}
		if _, rest, found := strings.Cut(text, "://"); found {
			text = rest
		}
	case slices.Contains([]string{"proxy", "onion", "rpcbind"}, name) && isSocket(text):
		return true
	case name == "bind", name == "proxy":
		if i := strings.LastIndexByte(text, '='); i >= 0 {
			text = text[:i]
		}
	case name == "whitebind":
		if _, rest, found := strings.Cut(text, "@"); found {
			text = rest
		}
	}
	i := strings.LastIndexByte(text, ':')
	if i < 0 || strings.IndexByte(text, ':') != i && !strings.HasSuffix(text[:i], "]") {
		return true
	}
	return validPort(text[i+1:])
}
