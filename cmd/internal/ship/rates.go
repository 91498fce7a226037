package ship

import (
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
)

// configureRates reads -maxdownloadrate and -maxuploadrate.
func (p *partSettings) configureRates() error {
	for d, name := range map[p2p.Direction]string{p2p.Down: "maxdownloadrate", p2p.Up: "maxuploadrate"} {
		text := p.settings.Text(name, "0")
		rate, ok := config.ParseBytes(text)
		if !ok {
			return config.Complain("Unable to parse -%s: '%s'", name, text)
		}
		p.rates[d] = rate
	}
	return nil
}
