package banlist

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// maxDiscouraged bounds the addresses remembered for misbehaviour.
const maxDiscouraged = 50_000

// Entry is one ban.
type Entry struct {
	Subnet         netip.Prefix
	Created, Until int64 // Unix seconds
}

// List is the set of bans and discouraged addresses. The zero value is empty.
type List struct {
	bans       map[netip.Prefix]Entry
	young, old map[netip.Addr]struct{}
	unreadable []record // bans of networks this version cannot match
}

// ParseSubnet reads "1.2.3.4", "1.2.0.0/16", "1.2.0.0/255.255.0.0" or IPv6.
func ParseSubnet(text string) (netip.Prefix, error) {
	host, mask, given := strings.Cut(text, "/")
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Zone() != "" {
		return netip.Prefix{}, fmt.Errorf("invalid address %q", host)
	}
	ip = ip.Unmap()
	if !given {
		return netip.PrefixFrom(ip, ip.BitLen()), nil
	}
	bits, err := maskBits(mask, ip)
	if err != nil {
		return netip.Prefix{}, err
	}
	return ip.Prefix(bits)
}

// maskBits reads a prefix length or, for IPv4, a dotted mask.
func maskBits(mask string, ip netip.Addr) (int, error) {
	var bits int
	if m, err := netip.ParseAddr(mask); err == nil && m.Is4() && ip.Is4() {
		v := m.As4()
		word := uint32(v[0])<<24 | uint32(v[1])<<16 | uint32(v[2])<<8 | uint32(v[3])
		for word&(1<<31) != 0 {
			bits++
			word <<= 1
		}
		if word != 0 {
			return 0, fmt.Errorf("mask %q has gaps", mask)
		}
		return bits, nil
	}
	if len(mask) == 0 || len(mask) > 3 {
		return 0, fmt.Errorf("invalid mask %q", mask)
	}
	for _, c := range mask {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("invalid mask %q", mask)
		}
		bits = 10*bits + int(c-'0')
	}
	if bits > ip.BitLen() {
		return 0, fmt.Errorf("mask %q is too long", mask)
	}
	return bits, nil
}

// Ban bans a subnet until a time, if that is later than an existing ban's.
func (l *List) Ban(subnet netip.Prefix, created, until time.Time) {
	if l.bans == nil {
		l.bans = map[netip.Prefix]Entry{}
	}
	e := Entry{Subnet: subnet.Masked(), Created: created.Unix(), Until: until.Unix()}
	if old, ok := l.bans[e.Subnet]; !ok || old.Until < e.Until {
		l.bans[e.Subnet] = e
	}
}

// Unban removes the ban of exactly this subnet.
func (l *List) Unban(subnet netip.Prefix) bool {
	_, ok := l.bans[subnet.Masked()]
	delete(l.bans, subnet.Masked())
	return ok
}

// Clear removes all bans.
func (l *List) Clear() {
	l.bans, l.unreadable = nil, nil
}

// Entries returns the bans in force, sorted by subnet.
func (l *List) Entries(now time.Time) []Entry {
	var list []Entry
	for subnet, e := range l.bans {
		if e.Until <= now.Unix() {
			delete(l.bans, subnet)
			continue
		}
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b Entry) int {
		return cmp.Or(a.Subnet.Addr().Compare(b.Subnet.Addr()), cmp.Compare(a.Subnet.Bits(), b.Subnet.Bits()))
	})
	return list
}

// Banned reports whether a ban covers ip.
func (l *List) Banned(ip netip.Addr, now time.Time) bool {
	for _, e := range l.bans {
		if e.Until > now.Unix() && e.Subnet.Contains(ip.Unmap()) {
			return true
		}
	}
	return false
}

// BannedSubnet reports whether exactly this subnet is banned.
func (l *List) BannedSubnet(subnet netip.Prefix, now time.Time) bool {
	e, ok := l.bans[subnet.Masked()]
	return ok && e.Until > now.Unix()
}

// Discourage remembers the address of a peer that misbehaved.
func (l *List) Discourage(ip netip.Addr) {
	if l.young == nil {
		l.young = map[netip.Addr]struct{}{}
	}
	if len(l.young) >= maxDiscouraged/2 {
		l.old, l.young = l.young, map[netip.Addr]struct{}{}
	}
	l.young[ip.Unmap()] = struct{}{}
}

// Discouraged reports whether Discourage was called for ip lately.
func (l *List) Discouraged(ip netip.Addr) bool {
	_, young := l.young[ip.Unmap()]
	_, old := l.old[ip.Unmap()]
	return young || old
}

// record is one entry of banlist.json.
type record struct {
	Version int    `json:"version"`
	Created int64  `json:"ban_created"`
	Until   int64  `json:"banned_until"`
	Address string `json:"address"`
}

type document struct {
	Nets []record `json:"banned_nets"`
}

// Encode returns the content of banlist.json.
func (l *List) Encode(now time.Time) ([]byte, error) {
	doc := document{Nets: append([]record{}, l.unreadable...)}
	for _, e := range l.Entries(now) {
		doc.Nets = append(doc.Nets, record{1, e.Created, e.Until, e.Subnet.String()})
	}
	raw, err := json.MarshalIndent(doc, "", "    ")
	return append(raw, '\n'), err
}

// Decode replaces the bans by the content of banlist.json. Entries of
// networks that are not IP are kept as they are.
func (l *List) Decode(raw []byte) error {
	var doc document
	if err := json.Unmarshal(raw, &doc); err != nil {
		return fmt.Errorf("banlist: %w", err)
	}
	l.Clear()
	for _, r := range doc.Nets {
		subnet, err := ParseSubnet(r.Address)
		if err != nil {
			l.unreadable = append(l.unreadable, r)
			continue
		}
		l.Ban(subnet, time.Unix(r.Created, 0), time.Unix(r.Until, 0))
	}
	return nil
}
