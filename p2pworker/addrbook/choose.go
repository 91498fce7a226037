package addrbook

import (
	"math"
	"slices"
	"time"
)

const (
	// maxChoices bounds how many addresses are looked at to choose one.
	maxChoices = 100
	// maxWaiting is how many addresses may wait for a place among the tried.
	maxWaiting = 10
	// replaceAfter is how long one that holds such a place is not to be replaced after
	// it has worked; testWindow is how long it may take to try it again.
	replaceAfter = 4 * time.Hour
	testWindow   = 40 * time.Minute
)

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

// chance is that of being taken when chosen: failures and recent attempts lower it.
func (s *slot) chance(now time.Time) float64 {
	c := 1.0
	if now.Sub(s.LastTry) < 10*time.Minute {
		c = 0.01
	}
	return c * math.Pow(0.66, float64(min(s.Attempts, 8)))
}

// Select chooses an address to try for which ok is true, or none. Half of the time it
// is one of the tried, if there are both. Who is passed over makes it more likely for
// the next to be taken.
//
// The many of a network group together have the chance of one, which Bitcoin Core's
// address manager does not do: who has many addresses in few groups, and never hangs
// up, would else have all connections in the end, as others come and go.
func (b *Book) Select(random func() uint64, now time.Time, ok func(Entry) bool) (Entry, bool) {
	factor := 1.0
	for range maxChoices {
		from := &b.fresh
		if len(b.fresh.filled) == 0 || len(b.tried.filled) > 0 && random()%2 == 0 {
			from = &b.tried
		}
		s := from.choose(random)
		if s == nil {
			break
		}
		roll := float64(random()>>11) / (1 << 53)
		if roll*float64(b.members[b.groups.of(s.Address.Host)]) < factor*s.chance(now) && ok(s.Entry) {
			return s.Entry, true
		}
		factor *= 1.2
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

// await lets an address wait for a place among the tried. One too many is not waited
// for: it stays new.
func (b *Book) await(s *slot) {
	if len(b.waiting) < maxWaiting && !slices.Contains(b.waiting, s) {
		b.waiting = append(b.waiting, s)
	}
}

// attemptTime is how long an attempt may take: by I2P, minutes.
const attemptTime = 4 * time.Minute

// Resolve decides for addresses that wait: one whose place is held by another that
// worked lately, or worked again when it was tried, stays new.
func (b *Book) Resolve(now time.Time) {
	b.waiting = slices.DeleteFunc(b.waiting, func(s *slot) bool {
		if b.entries[s.Address] != s || s.Tried {
			return true
		}
		held := b.tried.at(b.triedPlace(s.Address))
		switch {
		case held == nil:
		case now.Sub(held.LastSuccess) < replaceAfter:
			return true
		case now.Sub(held.LastTry) < replaceAfter:
			if now.Sub(held.LastTry) <= attemptTime {
				return false // the attempt may be under way
			}
		case now.Sub(s.LastSuccess) <= testWindow:
			return false
		}
		b.promote(s)
		return true
	})
}

// Contested returns an address to try, because another waits for its place.
func (b *Book) Contested(random func() uint64) (Entry, bool) {
	if len(b.waiting) == 0 {
		return Entry{}, false
	}
	s := b.waiting[random()%uint64(len(b.waiting))]
	held := b.tried.at(b.triedPlace(s.Address))
	if held == nil {
		return Entry{}, false
	}
	return held.Entry, true
}
