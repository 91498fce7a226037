package ship

import (
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
)

// configureRates reads -maxdownloadrate, -maxuploadrate and -listenprofile.
func (p *partSettings) configureRates() (err error) {
	for d, name := range map[p2p.Direction]string{p2p.Down: "maxdownloadrate", p2p.Up: "maxuploadrate"} {
		text := p.settings.Text(name, "0")
		rate, ok := config.ParseBytes(text)
		if !ok {
			return config.Complain("Unable to parse -%s: '%s'", name, text)
		}
		p.rates[d] = rate
	}
	p.profiles, err = listenProfiles(p.settings, int(p.settings.Int("port", int64(p.layout.Chain.P2PPort()))), p.services())
	return err
}
