package cli

import (
	"cmp"
	"slices"
	"strings"
)

// peer is what is shown of one of getpeerinfo. Times are Unix seconds, zero for never;
// pings are in seconds.
type peer struct {
	ID              int
	Addr            string
	Network         string
	Inbound         bool
	RelayTxes       *bool
	Type            string `json:"connection_type"`
	MappedAS        int64  `json:"mapped_as"`
	Version         int64
	Subver          string
	Processed       int64 `json:"addr_processed"`
	RateLimited     int64 `json:"addr_rate_limited"`
	RelaysAddresses bool  `json:"addr_relay_enabled"`
	Since           int64 `json:"conntime"`
	LastBlock       int64 `json:"last_block"`
	LastReceived    int64 `json:"lastrecv"`
	LastSent        int64 `json:"lastsend"`
	LastTx          int64 `json:"last_transaction"`
	MinPing         *float64
	Ping            *float64 `json:"pingtime"`
	Services        []string `json:"servicesnames"`
	Transport       *string  `json:"transport_protocol_type"`
	HighFrom        bool     `json:"bip152_hb_from"`
	HighTo          bool     `json:"bip152_hb_to"`
}

// Networks that no node can choose.
const (
	notRoutable = "not_publicly_routable"
	internal    = "internal"
)

// shortNames are the networks, as the list of peers shows them.
var shortNames = map[string]string{
	notRoutable: "npr", "ipv4": "ipv4", "ipv6": "ipv6", "onion": "onion", "i2p": "i2p", "cjdns": "cjdns", internal: "int",
}

// known are the peers on networks that there is a name for.
func known(peers []peer) []peer {
	return slices.DeleteFunc(peers, func(p peer) bool { return shortNames[p.Network] == "" })
}

// relaysTxs is so if the node does not tell: older ones did not.
func (p peer) relaysTxs() bool { return p.RelayTxes == nil || *p.RelayTxes }

func (p peer) minPing() float64 {
	if p.MinPing == nil {
		return -1
	}
	return *p.MinPing
}

// connection is the short name of how it came about.
func (p peer) connection() string {
	switch p.Type {
	case "outbound-full-relay":
		return "full"
	case "block-relay-only":
		return "block"
	case "manual", "feeler":
		return p.Type
	case "addr-fetch":
		return "addr"
	case "private-broadcast":
		return "priv"
	}
	return ""
}

// letters are services, a letter each.
func letters(services []string) string {
	var b strings.Builder
	for _, s := range services {
		switch {
		case s == "NETWORK_LIMITED":
			b.WriteByte('l')
		case s == "P2P_V2":
			b.WriteByte('2')
		case s != "":
			b.WriteString(strings.ToLower(s[:1]))
		}
	}
	return b.String()
}

// transport is the digit of v1 or v2.
func (p peer) transport() string {
	switch {
	case p.Transport == nil:
		return "1"
	case len(*p.Transport) == 2 && (*p.Transport)[0] == 'v':
		return (*p.Transport)[1:]
	}
	return " "
}

// inOrder puts inbound peers first, and of each direction those with the shortest pings.
func inOrder(peers []peer) {
	slices.SortStableFunc(peers, func(x, y peer) int {
		switch {
		case x.Inbound == y.Inbound:
			return cmp.Compare(x.minPing(), y.minPing())
		case x.Inbound:
			return -1
		}
		return 1
	})
}
