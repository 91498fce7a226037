package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
)

// maxLevel is the highest of -netinfo; higher ones count as it.
const maxLevel = 4

// leastVersion is the first of Bitcoin Core whose answers have all that is shown.
const leastVersion = 209900

// netLevel is how much -netinfo shows.
type netLevel struct {
	level    int
	outbound bool // no inbound peers in the list
}

func (l netLevel) details() bool   { return l.level > 0 }
func (l netLevel) addresses() bool { return l.level == 2 || l.level == 4 }
func (l netLevel) versions() bool  { return l.level == 3 || l.level == 4 }

// readLevel reads the arguments of -netinfo. Those behind the second do not count.
func readLevel(words []string) (l netLevel, err error) {
	if len(words) == 0 {
		return l, nil
	}
	level, err := strconv.ParseUint(words[0], 10, 8)
	if err != nil {
		return l, config.Complain("invalid -netinfo level argument: %s\nFor more information, run: bitcoin-cli -netinfo help", words[0])
	}
	l.level = min(int(level), maxLevel)
	switch {
	case len(words) == 1:
	case level == 0:
		return l, config.Complain("invalid -netinfo outonly argument: %s\nThe outonly argument is only valid for a level greater than 0 (the first argument). For more information, run: bitcoin-cli -netinfo help", words[1])
	case words[1] != "o" && words[1] != "outonly":
		return l, config.Complain("invalid -netinfo outonly argument: %s\nFor more information, run: bitcoin-cli -netinfo help", words[1])
	default:
		l.outbound = true
	}
	return l, nil
}

// netInfo shows the connections to peers.
func (c *client) netInfo(ctx context.Context) (string, error) {
	if len(c.words) > 0 && (c.words[0] == "h" || c.words[0] == "help") {
		return netInfoHelp, nil
	}
	level, err := readLevel(c.words)
	if err != nil {
		return "", err
	}
	replies, err := c.askAll(ctx, "getpeerinfo", "getnetworkinfo")
	if err != nil {
		return "", err
	}
	var peers []peer
	var network networkInfo
	for i, into := range []any{&peers, &network} {
		if err := replies[i].refused(); err != nil {
			return "", err
		}
		if json.Unmarshal(replies[i].Result, into) != nil {
			return "", errUnreadable
		}
	}
	if version, err := strconv.Atoi(text(network.Version)); err != nil || version < leastVersion {
		return "", config.Complain("-netinfo requires bitcoind server to be running v0.21.0 and up")
	}
	title := fmt.Sprintf("%s client %s%s - server %s%s", c.cfg.Name, c.cfg.Version, chainSuffix(c.layout.Chain), network.ProtocolVersion, network.Subversion)
	return dashboard(title, level, known(peers), network, time.Now().Unix()), nil
}

// chainSuffix names the chain, unless it is the default.
func chainSuffix(chain chains.Chain) string {
	if chain.Setting == "" {
		return ""
	}
	return " " + chain.Setting
}

// dashboard is what -netinfo prints; now is in Unix seconds.
func dashboard(title string, level netLevel, peers []peer, network networkInfo, now int64) string {
	var b strings.Builder
	b.WriteString(title)
	if level.details() {
		b.WriteString(" - services " + letters(network.LocalServices))
	}
	b.WriteString("\n\n")
	if level.details() {
		writePeers(&b, level, peers, now)
	}
	writeCounts(&b, peers, network)
	if !level.details() {
		b.WriteString("\n\nLocal services: " + strings.ToLower(strings.ReplaceAll(strings.Join(network.LocalServices, ", "), "_", " ")))
	}
	b.WriteString("\n\nLocal addresses")
	if len(network.LocalAddresses) == 0 {
		b.WriteString(": n/a\n")
	}
	width := 0
	for _, a := range network.LocalAddresses {
		width = max(width, len(a.Address)+1)
	}
	for _, a := range network.LocalAddresses {
		fmt.Fprintf(&b, "\n%-*s    port %6d    score %6d", width, a.Address, a.Port, a.Score)
	}
	return b.String()
}

// writeCounts writes how many peers there are on each network that is reachable, and on
// those that no node can choose if there are any.
func writeCounts(b *strings.Builder, peers []peer, network networkInfo) {
	var shown []string
	for _, n := range network.Networks {
		if _, known := shortNames[n.Name]; n.Reachable && known {
			shown = append(shown, n.Name)
		}
	}
	headers := append([]string{}, shown...)
	for _, name := range []string{notRoutable, internal} {
		if count(peers, func(p peer) bool { return p.Network == name }) > 0 {
			shown, headers = append(shown, name), append(headers, shortNames[name])
		}
	}
	manual := count(peers, func(p peer) bool { return p.Type == "manual" })
	b.WriteString("     ")
	for _, header := range headers {
		fmt.Fprintf(b, "%8s", header)
	}
	b.WriteString("   total   block")
	if manual > 0 {
		b.WriteString("  manual")
	}
	for _, row := range []struct {
		name string
		has  func(peer) bool
	}{
		{"in", func(p peer) bool { return p.Inbound }},
		{"out", func(p peer) bool { return !p.Inbound }},
		{"total", func(peer) bool { return true }},
	} {
		fmt.Fprintf(b, "\n%-5s", row.name)
		for _, name := range shown {
			fmt.Fprintf(b, "%8d", count(peers, func(p peer) bool { return p.Network == name && row.has(p) }))
		}
		fmt.Fprintf(b, "   %5d", count(peers, row.has))
		if row.name != "out" {
			continue
		}
		fmt.Fprintf(b, "   %5d", count(peers, func(p peer) bool { return p.Type == "block-relay-only" }))
		if manual > 0 {
			fmt.Fprintf(b, "   %5d", manual)
		}
	}
}

func count(peers []peer, has func(peer) bool) (n int) {
	for _, p := range peers {
		if has(p) {
			n++
		}
	}
	return n
}

// milliseconds shows a ping time in seconds, nothing if there is none.
func milliseconds(ping *float64) string {
	const most = 999_999
	if ping == nil || *ping < 0 {
		return ""
	}
	ms := math.Round(1000 * *ping)
	if ms > most {
		return "-"
	}
	return strconv.FormatFloat(ms, 'f', -1, 64)
}
