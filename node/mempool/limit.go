package mempool

import (
	"math"
	"slices"
)

// floorHalflife is how long, in seconds, the floor takes to fall by half.
const floorHalflife = 12 * 60 * 60

// floor is the least fee rate while the pool is, or was lately, full.
type floor struct {
	rate    float64 // satoshi per 1000 vbytes
	updated int64
	falling bool // a block has come since it rose
}

// floorRate returns the least fee rate at a time.
func (p *Pool) floorRate(now int64) Rate {
	f := p.fallen(now)
	rate := Rate(math.Round(f.rate))
	if f.falling && f.rate != 0 {
		rate = max(rate, p.cfg.Incremental)
	}
	return rate
}

// fallen returns the floor as it is at a time.
func (p *Pool) fallen(now int64) floor {
	f := p.floor
	if !f.falling || f.rate == 0 || now <= f.updated+10 {
		return f
	}
	halflife := float64(floorHalflife)
	switch {
	case p.usage < p.cfg.MaxBytes/4:
		halflife /= 4
	case p.usage < p.cfg.MaxBytes/2:
		halflife /= 2
	}
	f.rate /= math.Pow(2, float64(now-f.updated)/halflife)
	f.updated = now
	if f.rate < float64(p.cfg.Incremental)/2 {
		f.rate = 0
	}
	return f
}

// MinRate returns the least fee rate that is accepted at a time.
func (p *Pool) MinRate(now int64) Rate {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.floor = p.fallen(now)
	return max(p.floorRate(now), p.cfg.MinRelay)
}

// Limit drops what is too old, and what is worst while the pool is too large.
func (p *Pool) Limit(now int64) []Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expire(now)
	p.trim()
	return p.takeEvents()
}

// expire drops what is too old, with its descendants.
func (p *Pool) expire(now int64) {
	if p.oldest >= now-p.cfg.ExpirySeconds {
		return
	}
	old := map[*Entry]struct{}{}
	p.oldest = now
	for _, e := range p.entries {
		p.oldest = min(p.oldest, e.Time)
		if e.Time < now-p.cfg.ExpirySeconds {
			for d := range e.descendants() {
				old[d] = struct{}{}
			}
		}
	}
	p.takeAll(old, ByExpiry, nil)
}

// trim evicts the worst chunks until the pool fits. newcomers were not announced
// yet, so neither is their removal.
func (p *Pool) trim(newcomers ...*Entry) {
	count := len(p.entries)
	for p.usage > p.cfg.MaxBytes && len(p.entries) > 0 {
		worst := p.worst()
		rate := float64(worst.fee)*1000/float64(worst.vsize()) + float64(p.cfg.Incremental)
		if rate > p.floor.rate {
			p.floor.rate, p.floor.falling = rate, false
		}
		set := map[*Entry]struct{}{}
		for _, e := range worst.entries {
			set[e] = struct{}{}
		}
		p.takeQuietly(set, newcomers)
	}
	if count -= len(p.entries); count > 0 {
		p.events = append(p.events, Trimmed{count, Rate(p.floor.rate)})
	}
}

func (p *Pool) takeQuietly(set map[*Entry]struct{}, newcomers []*Entry) {
	before := len(p.events)
	p.takeAll(set, BySizeLimit, nil)
	kept := slices.DeleteFunc(p.events[before:], func(ev Event) bool {
		removed, ok := ev.(Removed)
		return ok && slices.Contains(newcomers, removed.Entry)
	})
	p.events = p.events[:before+len(kept)]
}
