package roster

import (
	"slices"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// Pauses between attempts at a configured target.
const (
	firstRetry = 500 * time.Millisecond
	lastRetry  = 30 * time.Second
)

// target is a configured address: -connect, -addnode or the addnode RPC.
type target struct {
	name     string
	v2       bool
	dialling bool
	pause    time.Duration
	next     time.Time
}

func (t *target) failed(now time.Time) {
	t.dialling = false
	t.pause = min(max(2*t.pause, firstRetry), lastRetry)
	t.next = now.Add(t.pause)
}

func (t *target) succeeded() {
	t.dialling = false
	t.pause = 0
}

// AddTarget configures an address to stay connected to, with v2 by connections
// that are encrypted. It returns false if it is configured already, be it in
// another way of writing.
func (r *Roster) AddTarget(name string, v2 bool) bool {
	if slices.ContainsFunc(r.targets, func(t *target) bool { return r.plain(t.name) == r.plain(name) }) {
		return false
	}
	r.targets = append(r.targets, &target{name: name, v2: v2})
	return true
}

// plain writes an address in the one way that all have in common, with its port.
func (r *Roster) plain(name string) string {
	text, port, ok := p2p.SplitHostPort(name, r.limits.Port)
	host, literal := p2p.ParseHost(text)
	if !ok || !literal {
		return name
	}
	return p2p.Endpoint{Host: host, Port: port}.String()
}

// Configured reports whether an address is one that is to stay connected.
func (r *Roster) Configured(end p2p.Endpoint) bool {
	return slices.ContainsFunc(r.targets, func(t *target) bool { return r.plain(t.name) == end.String() })
}

// RemoveTarget forgets one; a connection to it stays.
func (r *Roster) RemoveTarget(name string) bool {
	i := slices.IndexFunc(r.targets, func(t *target) bool { return t.name == name })
	if i < 0 {
		return false
	}
	r.targets = slices.Delete(r.targets, i, i+1)
	return true
}

// Targets returns the configured addresses in the order of configuration.
func (r *Roster) Targets() []string {
	names := make([]string, len(r.targets))
	for i, t := range r.targets {
		names[i] = t.name
	}
	return names
}

// Target is a configured address, with v2 one by connections that are encrypted.
type Target struct {
	Name string `json:"name"`
	V2   bool   `json:"v2"`
}

// Configuration returns what Configure takes.
func (r *Roster) Configuration() []Target {
	list := make([]Target, len(r.targets))
	for i, t := range r.targets {
		list[i] = Target{t.name, t.v2}
	}
	return list
}

// Configure replaces the configured addresses, before any of them is dialled.
func (r *Roster) Configure(list []Target) {
	r.targets = nil
	for _, t := range list {
		r.AddTarget(t.Name, t.V2)
	}
}

func (r *Roster) targetOf(name string) *target {
	for _, t := range r.targets {
		if t.name == name {
			return t
		}
	}
	return nil
}

// adopt marks the target of a connection that a returning worker brought.
func (r *Roster) adopt(p *Peer) {
	if t := r.targetOf(p.Name); t != nil {
		t.succeeded()
	}
}

// retarget makes the target of a lost connection due again soon.
func (r *Roster) retarget(now time.Time, name string) {
	if t := r.targetOf(name); t != nil {
		t.pause = firstRetry
		t.next = now.Add(firstRetry)
	}
}

// Tick gives up the dials that take too long, and starts what is due.
func (r *Roster) Tick(now time.Time) []Order {
	r.giveUpDials(now)
	if !r.active {
		return nil
	}
	manual := r.Count(p2p.Manual)
	for _, t := range r.targets {
		if t.dialling {
			manual++
		}
	}
	for _, t := range r.targets {
		if manual >= r.limits.Manual {
			break
		}
		if t.dialling || now.Before(t.next) || r.known(t.name) {
			continue
		}
		t.dialling = true
		r.newDial(t.name, p2p.Manual, t.v2).target = t
		manual++
	}
	return r.assign()
}

// Wanted returns how many automatic connections of a kind are missing.
func (r *Roster) Wanted(kind p2p.ConnectionType) int {
	if !r.active {
		return 0
	}
	return max(r.Limit(kind)-r.made(kind), 0)
}

// Limit is how many automatic connections of a kind there are to be.
func (r *Roster) Limit(kind p2p.ConnectionType) int {
	full, block := r.limits.automatic()
	switch kind {
	case p2p.FullRelay:
		return full
	case p2p.BlockRelayOnly:
		return block
	case p2p.AddrFetch:
		return 1
	case p2p.Feeler:
		// It needs one of the connections that there may be.
		return min(1, max(r.limits.Total-r.Count(p2p.FullRelay)-r.Count(p2p.BlockRelayOnly), 0))
	}
	return 0
}

// made counts the connections of a kind, with those that are being made.
func (r *Roster) made(kind p2p.ConnectionType) int {
	n := r.Count(kind)
	for _, d := range r.dials {
		if d.Kind == kind {
			n++
		}
	}
	for _, d := range r.waiting {
		if d.Kind == kind {
			n++
		}
	}
	return n
}
