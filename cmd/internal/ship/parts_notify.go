package ship

import (
	"fmt"

	"github.com/bulkheadnode/bulkhead/notify"
)

// configureNotify collects the ZeroMQ publications that the settings ask for.
func (p *partSettings) configureNotify() error {
	var cfg notify.Config
	for _, topic := range []notify.Topic{notify.HashBlock, notify.HashTx, notify.RawBlock, notify.RawTx, notify.Sequence} {
		mark := int(p.settings.Int("zmqpub"+string(topic)+"hwm", notify.DefaultHighWaterMark))
		for _, address := range p.settings.List("zmqpub" + string(topic)) {
			cfg.Publications = append(cfg.Publications, notify.Publication{Topic: topic, Address: address, HighWaterMark: mark})
		}
	}
	p.notify = cfg
	return cfg.Validate()
}

// publishers shows the publications to the user.
func (p *partSettings) publishers() []string {
	var list []string
	for _, publication := range p.notify.Publications {
		list = append(list, fmt.Sprintf("%s on %s", publication.Topic, publication.Address))
	}
	return list
}
