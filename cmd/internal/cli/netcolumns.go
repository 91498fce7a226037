package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// column is one of the list of peers.
type column struct {
	before         string // between it and the one to its left
	header, footer string
	width          int // at least; what is longer is not cut
	grows          bool
	left           bool // aligned to the left
	cell           func(peer) string
}

// writePeers lists peers, and nothing if there are none to list.
func writePeers(b *strings.Builder, level netLevel, peers []peer, now int64) {
	peers = slices.DeleteFunc(slices.Clone(peers), func(p peer) bool { return level.outbound && p.Inbound })
	if len(peers) == 0 {
		return
	}
	inOrder(peers)
	list := slices.Concat(connectionColumns(), timeColumns(now), relayColumns(now), nameColumns(level, peers))
	for i, c := range list {
		for _, p := range peers {
			if c.grows {
				list[i].width = max(list[i].width, len(c.cell(p)))
			}
		}
	}
	b.WriteString(line(list, func(c column) string { return c.header }) + "\n")
	for _, p := range peers {
		b.WriteString(line(list, func(c column) string { return c.cell(p) }) + "\n")
	}
	b.WriteString(strings.TrimRight(line(list, func(c column) string { return c.footer }), " ") + "\n\n")
}

func line(list []column, cell func(column) string) string {
	var b strings.Builder
	for _, c := range list {
		width := c.width
		if c.left {
			width = -width
		}
		fmt.Fprintf(&b, "%s%*s", c.before, width, cell(c))
	}
	return b.String()
}

func connectionColumns() []column {
	return []column{
		{header: "<->", width: 3, cell: func(p peer) string {
			if p.Inbound {
				return "in"
			}
			return "out"
		}},
		{before: " ", header: "type", width: 6, cell: peer.connection},
		{before: " ", header: "net", width: 5, cell: func(p peer) string { return shortNames[p.Network] }},
		{before: " ", header: "serv", width: 6, grows: true, cell: func(p peer) string { return letters(p.Services) }},
		{before: " ", header: "v", width: 2, cell: peer.transport},
	}
}

const minute = 60 // seconds

func timeColumns(now int64) []column {
	return []column{
		{header: "mping", footer: "ms", width: 7, cell: func(p peer) string { return milliseconds(p.MinPing) }},
		{header: "ping", footer: "ms", width: 7, cell: func(p peer) string { return milliseconds(p.Ping) }},
		{header: "send", footer: "sec", width: 5, cell: func(p peer) string { return ago(now, p.LastSent, 1, "") }},
		{header: "recv", footer: "sec", width: 5, cell: func(p peer) string { return ago(now, p.LastReceived, 1, "") }},
		{header: "txn", footer: "min", width: 5, cell: func(p peer) string { return ago(now, p.LastTx, minute, unless(p.relaysTxs(), "*")) }},
		{header: "blk", footer: "min", width: 5, cell: func(p peer) string { return ago(now, p.LastBlock, minute, "") }},
	}
}

func relayColumns(now int64) []column {
	return []column{
		{before: "  ", header: "hb", width: 2, cell: func(p peer) string {
			return fmt.Sprintf("%1s%1s", unless(!p.HighTo, "."), unless(!p.HighFrom, "*"))
		}},
		{before: " ", header: "addrp", width: 5, grows: true, cell: func(p peer) string { return orElse(p.Processed, unless(p.RelaysAddresses, ".")) }},
		{header: "addrl", width: 6, grows: true, cell: func(p peer) string { return orElse(p.RateLimited, "") }},
		{header: "age", footer: "min", width: 5, grows: true, cell: func(p peer) string { return ago(now, p.Since, minute, "") }},
	}
}

func nameColumns(level netLevel, peers []peer) (list []column) {
	if slices.ContainsFunc(peers, func(p peer) bool { return p.MappedAS != 0 }) {
		list = append(list, column{header: "asmap", width: 7, cell: func(p peer) string { return orElse(p.MappedAS, "") }})
	}
	id := column{before: " ", header: "id", width: 2, grows: true, cell: func(p peer) string { return strconv.Itoa(p.ID) }}
	address := column{before: " ", cell: func(peer) string { return "" }}
	if level.addresses() {
		address = column{before: " ", header: "address", left: true, grows: true, cell: func(p peer) string { return p.Addr + " " }}
	}
	list = append(list, id, address)
	if level.versions() {
		list = append(list, column{header: "version", left: true, cell: func(p peer) string { return orElse(p.Version, "") + p.Subver }})
	}
	return list
}

// unless is a sign that something is not so.
func unless(is bool, sign string) string {
	if is {
		return ""
	}
	return sign
}

// orElse shows a number, or other for zero.
func orElse(n int64, other string) string {
	if n == 0 {
		return other
	}
	return strconv.FormatInt(n, 10)
}

// ago shows how long ago a time was, in units of so many seconds, or other for never.
func ago(now, then, unit int64, other string) string {
	if then == 0 {
		return other
	}
	return strconv.FormatInt((now-then)/unit, 10)
}
