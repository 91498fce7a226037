package cli

import "github.com/bulkheadnode/bulkhead/cmd/internal/config"

// colours are the sequences that a terminal takes for colours (ECMA-48), or nothing.
type colours struct{ reset, green, yellow, blue, magenta, cyan string }

// colours returns those of -color.
func (c *client) colours() (colours, error) {
	wanted := isTerminal(c.cfg.Stdout)
	switch c.settings.Text("color", "auto") {
	case "auto":
	case "always":
		wanted = true
	case "never":
		wanted = false
	default:
		return colours{}, config.Complain("Invalid value for -color option. Valid values: always, auto, never.")
	}
	if !wanted {
		return colours{}, nil
	}
	return colours{
		reset: "\x1b[0m", green: "\x1b[32m", yellow: "\x1b[33m", blue: "\x1b[34m", magenta: "\x1b[35m", cyan: "\x1b[36m",
	}, nil
}
