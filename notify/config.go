package notify

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/bulkheadnode/bulkhead/notify/zmqpub"
)

// DefaultHighWaterMark is that of bitcoind's -zmqpub*hwm.
const DefaultHighWaterMark = 1000

// Topic is a kind of notification.
type Topic string

// The topics, in the order in which one event causes them.
const (
	HashBlock Topic = "hashblock"
	HashTx    Topic = "hashtx"
	RawBlock  Topic = "rawblock"
	RawTx     Topic = "rawtx"
	Sequence  Topic = "sequence"
)

// Publication is one -zmqpubTOPIC=ADDRESS.
type Publication struct {
	Topic   Topic
	Address string // tcp://HOST:PORT, ipc://PATH or unix:PATH
	// HighWaterMark is -zmqpubTOPIChwm: 0 is no limit, negative the default.
	HighWaterMark int
}

// Config is what is published where. It crosses to the process as JSON.
type Config struct {
	Publications []Publication
}

// withDefaults sorts the publications as bitcoind does and completes them.
func (c Config) withDefaults() Config {
	list := slices.Clone(c.Publications)
	for i := range list {
		list[i].Address = zmqpub.Endpoint(list[i].Address)
		if list[i].HighWaterMark < 0 {
			list[i].HighWaterMark = DefaultHighWaterMark
		}
	}
	slices.SortStableFunc(list, func(a, b Publication) int { return cmp.Compare(a.Topic, b.Topic) })
	c.Publications = list
	return c
}

// addresses are those of all publications, each once.
func (c Config) addresses() (list []string) {
	for _, p := range c.Publications {
		if !slices.Contains(list, p.Address) {
			list = append(list, p.Address)
		}
	}
	return list
}

// Validate refuses unknown topics.
func (c Config) Validate() error {
	for _, p := range c.Publications {
		switch p.Topic {
		case HashBlock, HashTx, RawBlock, RawTx, Sequence:
		default:
			return fmt.Errorf("unknown notification %q", p.Topic)
		}
	}
	return nil
}
