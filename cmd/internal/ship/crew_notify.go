package ship

import (
	"fmt"

	"github.com/bulkheadnode/bulkhead/notify"
)

// configureNotify collects the ZeroMQ publications that the settings ask for.
func (c *crew) configureNotify() error {
	var cfg notify.Config
	for _, topic := range []notify.Topic{notify.HashBlock, notify.HashTx, notify.RawBlock, notify.RawTx, notify.Sequence} {
		mark := int(c.settings.Int("zmqpub"+string(topic)+"hwm", notify.DefaultHighWaterMark))
		for _, address := range c.settings.List("zmqpub" + string(topic)) {
			cfg.Publications = append(cfg.Publications, notify.Publication{Topic: topic, Address: address, HighWaterMark: mark})
		}
	}
	c.notify = cfg
	return cfg.Validate()
}

// publishers shows the publications to the user.
func (c *crew) publishers() []string {
	var list []string
	for _, p := range c.notify.Publications {
		list = append(list, fmt.Sprintf("%s on %s", p.Topic, p.Address))
	}
	return list
}
