package ship

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/bulkheadnode/bulkhead/cmd/internal/supervise"
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

// listenZMQ opens the sockets of the publications. If one cannot be bound, nothing is
// published, as with bitcoind.
func (p *partSettings) listenZMQ(log *slog.Logger) []supervise.Socket {
	opened, err := notify.Listen(context.Background(), p.notify)
	if err != nil {
		log.Warn(err.Error())
		p.notify.Publications = nil
	}
	for _, l := range opened {
		p.zmq = append(p.zmq, l.(supervise.Socket)) // of TCP or unix, both are one
	}
	return p.zmq
}

// publishers shows the publications to the user.
func (p *partSettings) publishers() []string {
	var list []string
	for _, publication := range p.notify.Publications {
		list = append(list, fmt.Sprintf("%s on %s", publication.Topic, publication.Address))
	}
	return list
}
