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
	bans map[Subnet]Entry
	// sizes counts the bans of each size, so that a host is looked for in as few ways
	// as there are sizes, however many bans there are.
	sizes      map[size]int
	young, old map[p2p.Host]struct{}
	unreadable []record // bans of networks that this version does not know
}

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
		l.bans, l.sizes = map[Subnet]Entry{}, map[size]int{}
	}
	old, ok := l.bans[e.Subnet]
	if ok && old.Until >= e.Until {
		return
	}
	if !ok {
		l.sizes[e.Subnet.size()]++
	}
	l.bans[e.Subnet] = e
}

// Unban removes the ban of exactly this subnet.
func (l *List) Unban(subnet Subnet) bool {
	if _, ok := l.bans[subnet]; !ok {
		return false
	}
	delete(l.bans, subnet)
	if l.sizes[subnet.size()]--; l.sizes[subnet.size()] == 0 {
		delete(l.sizes, subnet.size())
	}
	return true
}

// Clear removes all bans.
func (l *List) Clear() {
	l.bans, l.sizes, l.unreadable = nil, nil, nil
}

// Entries returns the bans in force, sorted by subnet.
func (l *List) Entries(now time.Time) []Entry {
	var list []Entry
	for subnet, e := range l.bans {
		if e.Until <= now.Unix() {
			l.Unban(subnet)
			continue
		}
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b Entry) int { return a.Subnet.compare(b.Subnet) })
	return list
}

// Banned reports whether a ban covers a host.
func (l *List) Banned(host p2p.Host, now time.Time) bool {
	return l.covers(host, func(e Entry) bool { return e.Until > now.Unix() })
}

// BannedOutbound reports whether no connection may be made to a host.
func (l *List) BannedOutbound(host p2p.Host, now time.Time) bool {
	return l.covers(host, func(e Entry) bool { return e.Until > now.Unix() && !e.InboundOnly })
}

// covers reports whether one of the bans that cover a host is as wanted.
func (l *List) covers(host p2p.Host, wanted func(Entry) bool) bool {
	for z := range l.sizes {
		if subnet, ok := z.around(host); ok {
			if e, ok := l.bans[subnet]; ok && wanted(e) {
				return true
			}
		}
	}
	return false
}

// BannedSubnet reports whether exactly this subnet is banned.
func (l *List) BannedSubnet(subnet Subnet, now time.Time) bool {
	e, ok := l.bans[subnet]
	return ok && e.Until > now.Unix()
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
