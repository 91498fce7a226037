package banlist

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// maxDiscouraged bounds the addresses remembered for misbehaviour.
const maxDiscouraged = 50_000

// Entry is one ban.
type Entry struct {
	Subnet         Subnet
	Created, Until int64 // Unix seconds
	// InboundOnly: connections that we make are not concerned.
	InboundOnly bool
}

// List is the set of bans and discouraged addresses. The zero value is empty.
type List struct {
	// System tells the autonomous system of a host, 0 if it is not known. Nil knows none.
	System func(p2p.Host) uint32

	bans map[ban]Entry
	// sizes counts the bans of each size, so that a host is looked for in as few ways
	// as there are sizes, however many bans there are.
	sizes      map[size]int
	young, old map[p2p.Host]struct{}
	unreadable []record // bans of networks that this version does not know
}

// ban is what there is one of at a time: a ban of inbound connections may end later than
// one of all, and must not be in its place.
type ban struct {
	subnet      Subnet
	inboundOnly bool
}

func (e Entry) ban() ban { return ban{e.Subnet, e.InboundOnly} }

// Ban bans a subnet until a time, if that is later than an existing ban's.
func (l *List) Ban(subnet Subnet, created, until time.Time) {
	l.add(Entry{Subnet: subnet, Created: created.Unix(), Until: until.Unix()})
}

// BanInbound is Ban for inbound connections only.
func (l *List) BanInbound(subnet Subnet, created, until time.Time) {
	l.add(Entry{Subnet: subnet, Created: created.Unix(), Until: until.Unix(), InboundOnly: true})
}

func (l *List) add(e Entry) {
	if l.bans == nil {
		l.bans, l.sizes = map[ban]Entry{}, map[size]int{}
	}
	old, ok := l.bans[e.ban()]
	if ok && old.Until >= e.Until {
		return
	}
	if !ok {
		l.sizes[e.Subnet.size()]++
	}
	l.bans[e.ban()] = e
}

// Unban removes the bans of exactly this subnet.
func (l *List) Unban(subnet Subnet) bool {
	all, inbound := l.remove(ban{subnet, false}), l.remove(ban{subnet, true})
	return all || inbound
}

func (l *List) remove(b ban) bool {
	if _, ok := l.bans[b]; !ok {
		return false
	}
	delete(l.bans, b)
	if z := b.subnet.size(); l.sizes[z] == 1 {
		delete(l.sizes, z)
	} else {
		l.sizes[z]--
	}
	return true
}

// Clear removes all bans.
func (l *List) Clear() {
	l.bans, l.sizes, l.unreadable = nil, nil, nil
}

// Entries returns the bans in force, sorted by subnet; of the same one, that of all
// connections first.
func (l *List) Entries(now time.Time) []Entry {
	var list []Entry
	for b, e := range l.bans {
		if e.Until <= now.Unix() {
			l.remove(b)
			continue
		}
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b Entry) int {
		switch {
		case a.Subnet != b.Subnet:
			return a.Subnet.compare(b.Subnet)
		case b.InboundOnly:
			return -1
		}
		return 1
	})
	return list
}

// Banned reports whether a ban covers a host.
func (l *List) Banned(host p2p.Host, now time.Time) bool {
	return l.covers(host, now, true) || l.covers(host, now, false)
}

// BannedOutbound reports whether no connection may be made to a host.
func (l *List) BannedOutbound(host p2p.Host, now time.Time) bool { return l.covers(host, now, false) }

// covers reports whether one of the bans of a reach covers a host.
func (l *List) covers(host p2p.Host, now time.Time, inboundOnly bool) bool {
	for z := range l.sizes {
		if subnet, ok := l.around(z, host); ok && l.bans[ban{subnet, inboundOnly}].Until > now.Unix() {
			return true
		}
	}
	return false
}

// around returns the one subnet of a size that covers a host, false if none does.
func (l *List) around(z size, host p2p.Host) (Subnet, bool) {
	if !z.system {
		return z.around(host)
	}
	s := Subnet{}
	if l.System != nil {
		s.system = l.System(host)
	}
	return s, s.system != 0
}

// Covers reports whether a subnet covers a host, banned or not.
func (l *List) Covers(s Subnet, host p2p.Host) bool {
	found, ok := l.around(s.size(), host)
	return ok && found == s
}

// BannedSubnet reports whether exactly this subnet is banned.
func (l *List) BannedSubnet(subnet Subnet, now time.Time) bool {
	return l.bans[ban{subnet, true}].Until > now.Unix() || l.BannedSubnetOutbound(subnet, now)
}

// BannedSubnetOutbound reports whether it is for connections that we make as well.
func (l *List) BannedSubnetOutbound(subnet Subnet, now time.Time) bool {
	return l.bans[ban{subnet, false}].Until > now.Unix()
}

// Discourage remembers the address of a peer that misbehaved.
func (l *List) Discourage(host p2p.Host) {
	if l.young == nil {
		l.young = map[p2p.Host]struct{}{}
	}
	if len(l.young) >= maxDiscouraged/2 {
		l.old, l.young = l.young, map[p2p.Host]struct{}{}
	}
	l.young[host] = struct{}{}
}

// Discouraged reports whether Discourage was called for the host lately.
func (l *List) Discouraged(host p2p.Host) bool {
	_, young := l.young[host]
	_, old := l.old[host]
	return young || old
}

// record is one entry of banlist.json.
type record struct {
	Version int    `json:"version"`
	Created int64  `json:"ban_created"`
	Until   int64  `json:"banned_until"`
	Address string `json:"address"`
	// InboundOnly is not Bitcoin Core's, which takes such a ban for one of all.
	InboundOnly bool `json:"inbound_only,omitempty"`
}

type document struct {
	Nets []record `json:"banned_nets"`
}

// Encode returns the content of banlist.json.
func (l *List) Encode(now time.Time) ([]byte, error) {
	doc := document{Nets: append([]record{}, l.unreadable...)}
	for _, e := range l.Entries(now) {
		doc.Nets = append(doc.Nets, record{1, e.Created, e.Until, e.Subnet.String(), e.InboundOnly})
	}
	raw, err := json.MarshalIndent(doc, "", "    ")
	return append(raw, '\n'), err
}

// Decode replaces the bans by the content of banlist.json. Entries that cannot be read
// are kept as they are. cjdns is for ParseSubnet.
func (l *List) Decode(raw []byte, cjdns bool) error {
	var doc document
	if err := json.Unmarshal(raw, &doc); err != nil {
		return fmt.Errorf("banlist: %w", err)
	}
	l.Clear()
	for _, r := range doc.Nets {
		subnet, err := ParseBan(r.Address, cjdns)
		if err != nil {
			l.unreadable = append(l.unreadable, r)
			continue
		}
		l.add(Entry{Subnet: subnet, Created: r.Created, Until: r.Until, InboundOnly: r.InboundOnly})
	}
	return nil
}
