package main

import (
	"context"
	"time"
)

// maxFlood is the largest size of an event of a flood in bytes.
const maxFlood = 4 << 20

// flood publishes without looking at acknowledgements.
func (p *publisher) flood(ctx context.Context, d time.Duration, rate int) (published, error) {
	ctx, cancel := context.WithTimeout(ctx, d+patience)
	defer cancel()
	pulse := time.NewTicker(time.Millisecond)
	defer pulse.Stop()
	start, first := time.Now(), p.seq
	for elapsed := time.Duration(0); elapsed < d; elapsed = time.Since(start) {
		due := first + uint64(elapsed.Seconds()*float64(rate))
		if rate == 0 {
			due = p.seq + 64
		}
		for p.seq < due {
			p.seq++
			body := make([]byte, p.spec.FloodBytes)
			putNotice(body, p.seq, eventFlood)
			if err := p.link.publish(ctx, topicEvent, body); err != nil {
				return published{}, err
			}
		}
		if rate != 0 {
			<-pulse.C
		}
	}
	return published{Started: start, Events: p.seq - first, Total: p.seq}, nil
}
