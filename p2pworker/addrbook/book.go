package addrbook

import (
	"iter"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// Limits of a book, which are Bitcoin Core's.
const (
	// MaxAddresses is how many places there are in both tables.
	MaxAddresses = (newBuckets + triedBuckets) * bucketSize
	// maxRefs is how many places of the new table an address may have.
	maxRefs = 8

	horizon        = 30 * 24 * time.Hour
	maxRetries     = 3
	maxFailures    = 10
	minFailureDays = 7 * 24 * time.Hour
)

// Entry is one known address.
type Entry struct {
	Address  p2p.Endpoint
	Services wire.ServiceFlag
	// Source is who told us first.
	Source      p2p.Host
	Seen        time.Time
	LastTry     time.Time
	LastSuccess time.Time
	Attempts    int // since the last success
	Tried       bool
}

// Groups tells which part of the network a host is of: addresses of one part share few
// places. The zero value goes by Host.Group.
type Groups struct {
	Of func(p2p.Host) string
	// Version tells ways to draw groups apart; zero is Host.Group's.
	Version [32]byte
}

func (g Groups) of(host p2p.Host) string {
	if g.Of == nil {
		return host.Group()
	}
	return g.Of(host)
}

// Book is a bounded set of addresses.
type Book struct {
	key     [32]byte
	groups  Groups
	entries map[p2p.Endpoint]*slot
	list    []*slot // for random choice
	// members counts the addresses of each network group.
	members map[string]int
	fresh   table
	tried   table
	// waiting are those that succeeded and whose place among the tried is taken.
	waiting []*slot
	// lastGood is when an address last succeeded: failures since then count once, as
	// they may be ours.
	lastGood time.Time
}

type slot struct {
	Entry
	position int
	refs     int       // places in the new table
	counted  time.Time // the last attempt that counted
	before   *attempts // what they were before the last one, nil if that is over
}

// attempts are what is known of those to reach an address.
type attempts struct {
	try, counted time.Time
	count        int
}

// New returns an empty book. Nobody else may know the key: it says which addresses
// share a place.
func New(key [32]byte, groups Groups) *Book {
	return &Book{
		key: key, groups: groups, entries: map[p2p.Endpoint]*slot{}, members: map[string]int{}, fresh: newTable(newBuckets), tried: newTable(triedBuckets),
		lastGood: time.Unix(1, 0),
	}
}

// Len returns the number of addresses.
func (b *Book) Len() int { return len(b.list) }

// Tried returns the number of those that have worked.
func (b *Book) Tried() (n int) {
	for _, held := range b.tried.held {
		n += held
	}
	return n
}

// All goes through the addresses, in no order of meaning.
func (b *Book) All() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for _, s := range b.list {
			if !yield(s.Entry) {
				return
			}
		}
	}
}

// Add notes an address that e.Source told us, as one that it last saw at e.Seen; of
// what it tells of others, that is made older by a penalty. Add reports whether the
// address has a place that it did not have.
func (b *Book) Add(e Entry, penalty time.Duration, random func() uint64, now time.Time) bool {
	if !e.Address.Host.Routable() || e.Address.Port == 0 && e.Address.Host.Network() != p2p.I2P {
		return false
	}
	if e.Source == e.Address.Host {
		penalty = 0
	}
	s := b.entries[e.Address]
	if s != nil && !s.hear(e, penalty, random, now) {
		return false
	}
	if s == nil {
		e.Seen = notBefore1970(e.Seen.Add(-penalty))
		s = b.insert(e)
	}
	return b.place(s, e.Source, now)
}

func notBefore1970(t time.Time) time.Time {
	if t.Unix() < 0 {
		return time.Unix(0, 0)
	}
	return t
}

// hear learns what is new about a known address. It reports whether another place in
// the new table is to be looked for: each is twice as hard to get as the one before.
func (s *slot) hear(e Entry, penalty time.Duration, random func() uint64, now time.Time) bool {
	interval := 24 * time.Hour
	if now.Sub(e.Seen) < 24*time.Hour {
		interval = time.Hour
	}
	news := e.Seen.After(s.Seen)
	if s.Seen.Before(e.Seen.Add(-interval - penalty)) {
		s.Seen = notBefore1970(e.Seen.Add(-penalty))
	}
	s.Services |= e.Services
	return news && !s.Tried && s.refs < maxRefs && random()%(1<<s.refs) == 0
}

func (b *Book) insert(e Entry) *slot {
	s := &slot{Entry: e, position: len(b.list)}
	b.list = append(b.list, s)
	b.entries[e.Address] = s
	b.members[b.groups.of(e.Address.Host)]++
	return s
}

// place gives an address the place in the new table that source leads to, if that is
// free or held by one that is of less use. An address without a place is forgotten.
func (b *Book) place(s *slot, source p2p.Host, now time.Time) bool {
	at := b.newPlace(s.Address, source)
	held := b.fresh.at(at)
	if held == s {
		return false
	}
	if held == nil || held.terrible(now) || held.refs > 1 && s.refs == 0 {
		b.vacate(at)
		b.fresh.set(at, s)
		s.refs++
		return true
	}
	if s.refs == 0 {
		b.remove(s)
	}
	return false
}

// vacate takes a place of the new table from who holds it.
func (b *Book) vacate(at place) {
	s := b.fresh.at(at)
	if s == nil {
		return
	}
	b.fresh.set(at, nil)
	if s.refs--; s.refs == 0 && !s.Tried {
		b.remove(s)
	}
}

func (b *Book) remove(s *slot) {
	last := b.list[len(b.list)-1]
	b.list[s.position], last.position = last, s.position
	b.list = b.list[:len(b.list)-1]
	delete(b.entries, s.Address)
	group := b.groups.of(s.Address.Host)
	if b.members[group]--; b.members[group] == 0 {
		delete(b.members, group)
	}
}

// Attempted notes that a connection to a is being tried.
func (b *Book) Attempted(a p2p.Endpoint, now time.Time) {
	s := b.entries[a]
	if s == nil {
		return
	}
	s.before = &attempts{s.LastTry, s.counted, s.Attempts}
	s.LastTry = now
	if s.counted.Before(b.lastGood) {
		s.counted = now
		s.Attempts++
	}
}

// Forgive takes back an attempt that did not come as far as a: its proxy was away.
func (b *Book) Forgive(a p2p.Endpoint) {
	if s := b.entries[a]; s != nil && s.before != nil {
		s.LastTry, s.counted, s.Attempts = s.before.try, s.before.counted, s.before.count
		s.before = nil
	}
}

// Good notes that a connection to a succeeded, with the services it offers. It reports
// whether that has made it one of the tried; if its place is taken, it has to wait for
// Resolve.
func (b *Book) Good(a p2p.Endpoint, services wire.ServiceFlag, now time.Time) bool {
	s := b.entries[a]
	if s == nil {
		return false
	}
	b.lastGood = now
	s.Attempts, s.Services, s.before = 0, services, nil
	s.LastSuccess, s.LastTry = now, now
	if s.Tried {
		return false
	}
	if b.tried.at(b.triedPlace(a)) != nil {
		b.await(s)
		return false
	}
	b.promote(s)
	return true
}

// promote moves an address to the table of the tried. Who has its place there goes
// back to the new ones.
func (b *Book) promote(s *slot) {
	first := b.newPlace(s.Address, s.Source).bucket
	for i := range newBuckets {
		at := b.placeIn(s.Address, (first+i)%newBuckets, true)
		if s.refs > 0 && b.fresh.at(at) == s {
			b.fresh.set(at, nil)
			s.refs--
		}
	}
	at := b.triedPlace(s.Address)
	if held := b.tried.at(at); held != nil {
		held.Tried = false
		back := b.newPlace(held.Address, held.Source)
		b.vacate(back)
		b.fresh.set(back, held)
		held.refs = 1
	}
	b.tried.set(at, s)
	s.Tried = true
}

// Connected notes that a connection to a lived until now.
func (b *Book) Connected(a p2p.Endpoint, now time.Time) {
	if s := b.entries[a]; s != nil && now.Sub(s.Seen) > 20*time.Minute {
		s.Seen = now
	}
}
