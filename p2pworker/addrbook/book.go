package addrbook

import (
	"math"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// Limits of a book.
const (
	MaxAddresses = 20_000
	// maxPerSource is how many new addresses one network group may bring.
	maxPerSource = 1024
	// sample is how many candidates compete for being dropped or chosen.
	sample = 16

	horizon        = 30 * 24 * time.Hour
	maxRetries     = 3
	maxFailures    = 10
	minFailureDays = 7 * 24 * time.Hour
)

// Entry is one known address.
type Entry struct {
	Address  p2p.Endpoint
	Services wire.ServiceFlag
	// Source is who told us.
	Source      p2p.Host
	Seen        time.Time
	LastTry     time.Time
	LastSuccess time.Time
	Attempts    int
	Tried       bool
}

// Book is a bounded set of addresses.
type Book struct {
	entries map[p2p.Endpoint]*slot
	list    []*slot // for random choice
	sources map[string]int
}

type slot struct {
	Entry
	position int
}

// New returns an empty book.
func New() *Book {
	return &Book{entries: map[p2p.Endpoint]*slot{}, sources: map[string]int{}}
}

// Len returns the number of addresses.
func (b *Book) Len() int { return len(b.list) }

// Add notes an address that source told us. It reports whether it is new.
func (b *Book) Add(e Entry, random func() uint64, now time.Time) bool {
	if !e.Address.IsValid() || e.Address.Port == 0 && e.Address.Host.Network() != p2p.I2P {
		return false
	}
	if old := b.entries[e.Address]; old != nil {
		old.Services |= e.Services
		if e.Seen.After(old.Seen) && !e.Seen.After(now) {
			old.Seen = e.Seen
		}
		return false
	}
	source := e.Source.Group()
	if !e.Tried && b.sources[source] >= maxPerSource {
		return false
	}
	if len(b.list) >= MaxAddresses {
		b.dropWorst(random, now)
	}
	s := &slot{Entry: e, position: len(b.list)}
	b.list = append(b.list, s)
	b.entries[e.Address] = s
	b.sources[source]++
	return true
}

func (b *Book) dropWorst(random func() uint64, now time.Time) {
	var worst *slot
	for range sample {
		s := b.list[random()%uint64(len(b.list))]
		if worst == nil || s.promise(now) < worst.promise(now) {
			worst = s
		}
	}
	b.remove(worst)
}

func (b *Book) remove(s *slot) {
	last := b.list[len(b.list)-1]
	b.list[s.position], last.position = last, s.position
	b.list = b.list[:len(b.list)-1]
	delete(b.entries, s.Address)
	source := s.Source.Group()
	if b.sources[source]--; b.sources[source] <= 0 {
		delete(b.sources, source)
	}
}

// Attempted notes that a connection to a is being tried.
func (b *Book) Attempted(a p2p.Endpoint, now time.Time) {
	if s := b.entries[a]; s != nil {
		s.LastTry = now
		s.Attempts++
	}
}

// Forgive takes back an attempt that did not come as far as a: its proxy was away.
func (b *Book) Forgive(a p2p.Endpoint) {
	if s := b.entries[a]; s != nil && s.Attempts > 0 {
		s.Attempts--
	}
}

// Good notes that a connection to a succeeded, with the services it offers.
func (b *Book) Good(a p2p.Endpoint, services wire.ServiceFlag, now time.Time) {
	s := b.entries[a]
	if s == nil {
		return
	}
	s.Tried, s.Attempts, s.Services = true, 0, services
	s.LastSuccess, s.LastTry = now, now
}

// Connected notes that a connection to a lived until now.
func (b *Book) Connected(a p2p.Endpoint, now time.Time) {
	if s := b.entries[a]; s != nil && now.Sub(s.Seen) > 20*time.Minute {
		s.Seen = now
	}
}

// terrible reports whether an address is not worth keeping or telling.
func (s *slot) terrible(now time.Time) bool {
	switch {
	case now.Sub(s.LastTry) <= time.Minute:
		return false
	case s.Seen.After(now.Add(10 * time.Minute)), now.Sub(s.Seen) > horizon:
		return true
	case s.LastSuccess.IsZero() && s.Attempts >= maxRetries:
		return true
	}
	return now.Sub(s.LastSuccess) > minFailureDays && s.Attempts >= maxFailures
}

// promise orders addresses: failures and recent attempts lower it.
func (s *slot) promise(now time.Time) float64 {
	p := 1.0
	if now.Sub(s.LastTry) < 10*time.Minute {
		p *= 0.01
	}
	p *= math.Pow(0.66, float64(min(s.Attempts, 8)))
	if s.terrible(now) {
		p *= 0.001
	}
	if s.Tried {
		p *= 2
	}
	return p
}

// Select chooses an address to try for which ok is true, or none.
func (b *Book) Select(random func() uint64, now time.Time, ok func(Entry) bool) (Entry, bool) {
	if len(b.list) == 0 {
		return Entry{}, false
	}
	for range 50 {
		s := b.list[random()%uint64(len(b.list))]
		chance := float64(random()>>11) / (1 << 53)
		if chance < s.promise(now)*1.2 && ok(s.Entry) {
			return s.Entry, true
		}
	}
	return Entry{}, false
}

// Sample returns up to limit addresses, no more than percent of all, in
// random order, leaving out those that are of no use to anybody.
func (b *Book) Sample(random func() uint64, now time.Time, limit, percent int) []Entry {
	n := len(b.list)
	if percent > 0 {
		limit = min(limit, (n*percent+99)/100)
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	var list []Entry
	for i := 0; i < n && len(list) < limit; i++ {
		j := i + int(random()%uint64(n-i))
		order[i], order[j] = order[j], order[i]
		if s := b.list[order[i]]; !s.terrible(now) {
			list = append(list, s.Entry)
		}
	}
	return list
}
