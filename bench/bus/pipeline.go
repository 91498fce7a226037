package main

import (
	"encoding/binary"
	"fmt"
	"time"
)

// pipe is a socket of which one goroutine sends and receives. One server
// answers, so replies come in the order of the requests.
type pipe interface {
	send(body []byte) error
	receive() ([]byte, error)
}

// pipelined keeps calls in flight from a single goroutine: sockets of ZeroMQ
// are not for several. The first bytes of a body number it.
func pipelined(p pipe, l load) (timing, error) {
	body := newBody(l.bytes())
	sentAt := make([]time.Time, l.InFlight)
	var samples []time.Duration
	var sent, answered uint64
	start := time.Now()
	now, until := start, start.Add(l.Duration)
	for {
		for ; now.Before(until) && sent-answered < uint64(l.InFlight); sent++ {
			now = time.Now()
			sentAt[sent%uint64(l.InFlight)] = now
			binary.BigEndian.PutUint64(body, sent)
			if err := p.send(body); err != nil {
				return timing{}, err
			}
		}
		if sent == answered {
			return newTiming(samples, now.Sub(start))
		}
		got, err := p.receive()
		if err != nil {
			return timing{}, fmt.Errorf("after %d replies: %w", answered, err)
		}
		binary.BigEndian.PutUint64(body, answered)
		if err := sameBody(body, got); err != nil {
			return timing{}, err
		}
		now = time.Now()
		samples = append(samples, now.Sub(sentAt[answered%uint64(l.InFlight)]))
		answered++
	}
}
