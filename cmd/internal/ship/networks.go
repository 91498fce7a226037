package ship

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
	"github.com/bulkheadnode/bulkhead/p2pworker/manager"
)

const (
	// socksPort is Tor's port for -proxy and -onion that name none, samPort the one of
	// an I2P router for -i2psam.
	socksPort, samPort = 9050, 7656
	// maxSocketPath is what a unix socket's address holds (unix(7)), with its end.
	maxSocketPath = 108
	// lookupPatience bounds the looking up of a proxy's name at start.
	lookupPatience = 10 * time.Second
)

// lookup finds an address of a name.
type lookup func(name string) (netip.Addr, error)

// lookUp asks the system's resolver.
func lookUp(name string) (netip.Addr, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookupPatience)
	defer cancel()
	list, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return netip.Addr{}, err
	}
	return list[0], nil
}

// reaching collects what the settings say about networks. Rules and texts are Bitcoin
// Core's.
type reaching struct {
	settings *config.Settings
	lookup   lookup
	proxies  map[p2p.NetworkID]string // by network; that of none is for names
	allowed  []p2p.NetworkID
	awaited  bool // Tor becomes reachable if a daemon tells of its SOCKS port
}

// networksOf reads -proxy, -onion, -i2psam, -onlynet and -cjdnsreachable.
func networksOf(s *config.Settings, find lookup) (n manager.Networks, awaited bool, err error) {
	r := &reaching{settings: s, lookup: find, proxies: map[p2p.NetworkID]string{}, allowed: p2p.Networks()}
	for _, read := range []func() error{r.readOnlyNet, r.readProxies, r.readOnion, r.readI2P, r.checkReach} {
		if err := read(); err != nil {
			return n, false, err
		}
	}
	n.Reachable = append([]p2p.NetworkID{}, r.allowed...)
	s.Fill(&n)
	for _, network := range append(p2p.Networks(), 0) {
		if address := r.proxies[network]; address != "" {
			n.Proxies = append(n.Proxies, p2p.Proxy{Network: network, Address: address,
				Randomize: network != p2p.I2P && s.Bool("proxyrandomize", true)})
		}
	}
	return n, r.awaited, nil
}

// restricted reports whether -onlynet names a network.
func (r *reaching) restricted(to p2p.NetworkID) bool {
	return len(r.settings.List("onlynet")) > 0 && slices.Contains(r.allowed, to)
}

func (r *reaching) forbid(network p2p.NetworkID) {
	r.allowed = slices.DeleteFunc(r.allowed, func(n p2p.NetworkID) bool { return n == network })
}

func (r *reaching) readOnlyNet() error {
	names := r.settings.List("onlynet")
	var only []p2p.NetworkID
	for _, name := range names {
		network := p2p.NetworkNamed(name)
		if network == 0 {
			return config.Complain("Unknown network specified in -onlynet: '%s'", name)
		}
		only = append(only, network)
	}
	if len(names) > 0 {
		r.allowed = only
	}
	return nil
}

// readProxies reads "address" and "address=network", of which the last for a network
// counts.
func (r *reaching) readProxies() error {
	for _, text := range r.settings.List("proxy") {
		address, network := text, ""
		if i := strings.LastIndexByte(text, '='); i >= 0 {
			address, network = text[:i], strings.ToLower(text[i+1:])
			if network == "" {
				return config.Complain("Invalid -proxy address or hostname, ends with '=': '%s'", text)
			}
		}
		proxy, err := r.address("proxy", address, socksPort)
		if err != nil {
			return err
		}
		switch network {
		case "":
			r.proxies = map[p2p.NetworkID]string{0: proxy, p2p.IPv4: proxy, p2p.IPv6: proxy, p2p.TorV3: proxy, p2p.CJDNS: proxy}
		case "ipv4", "ipv6":
			r.proxies[p2p.NetworkNamed(network)], r.proxies[0] = proxy, proxy
		case "onion", "tor":
			r.proxies[p2p.TorV3] = proxy
		case "cjdns":
			r.proxies[p2p.CJDNS] = proxy
		default:
			return config.Complain("Unrecognized network in -proxy='%s': '%s'", text, network)
		}
	}
	return nil
}

// readOnion reads -onion, which counts more than -proxy for Tor; -noonion is "0".
func (r *reaching) readOnion() error {
	text := r.settings.Text("onion", "")
	if text == "" {
		return nil
	}
	if text == "0" && r.restricted(p2p.TorV3) {
		return config.Complain("Outbound connections restricted to Tor (-onlynet=onion) but the proxy for reaching the Tor network is explicitly forbidden: -onion=0")
	}
	proxy, err := r.address("onion", text, socksPort)
	r.proxies[p2p.TorV3] = proxy
	return err
}

// readI2P reads -i2psam.
func (r *reaching) readI2P() error {
	text := r.settings.Text("i2psam", "")
	if text == "" {
		return nil
	}
	sam, err := r.address("i2psam", text, samPort)
	r.proxies[p2p.I2P] = sam
	return err
}

// address reads where a proxy is; "" for none.
func (r *reaching) address(option, text string, defaultPort uint16) (string, error) {
	if text == "" || text == "0" {
		return "", nil
	}
	socks := option == "proxy" || option == "onion"
	if path, ok := strings.CutPrefix(text, p2p.UnixPrefix); ok && socks && len(path) > 0 && len(path) < maxSocketPath {
		return text, nil
	}
	name, port, ok := p2p.SplitHostPort(text, defaultPort)
	host, literal := p2p.ParseHost(name)
	if ok && !literal && name != "" && r.settings.Bool("dns", true) {
		if ip, err := r.lookup(name); err == nil {
			host = p2p.HostOf(ip)
		}
	}
	if _, isIP := host.IP(); !ok || !isIP {
		return "", config.Complain("Invalid -%s address or hostname: '%s'", option, text)
	}
	return p2p.Endpoint{Host: host, Port: port}.String(), nil
}

// checkReach takes away the networks that nothing leads to, and complains if only
// those are allowed.
func (r *reaching) checkReach() error {
	if !r.settings.Has("cjdnsreachable") {
		if r.restricted(p2p.CJDNS) {
			return config.Complain("Outbound connections restricted to CJDNS (-onlynet=cjdns) but -cjdnsreachable is not provided")
		}
		r.forbid(p2p.CJDNS)
	}
	if r.settings.Bool("dnsseed", false) && !r.clearnet() {
		return config.Complain("Incompatible options: -dnsseed=1 was explicitly specified, but -onlynet forbids connections to IPv4/IPv6")
	}
	if r.proxies[p2p.TorV3] == "" {
		r.awaited = r.settings.Text("onion", "") == "" && slices.Contains(r.allowed, p2p.TorV3)
		if r.restricted(p2p.TorV3) && !listeningOnion(r.settings) {
			return config.Complain("Outbound connections restricted to Tor (-onlynet=onion) but the proxy for reaching the Tor network is not provided: none of -proxy, -onion or -listenonion is given")
		}
		r.forbid(p2p.TorV3)
	}
	if r.proxies[p2p.I2P] == "" {
		if r.restricted(p2p.I2P) {
			return config.Complain("Outbound connections restricted to i2p (-onlynet=i2p) but -i2psam is not provided")
		}
		r.forbid(p2p.I2P)
	}
	return r.checkPrivate()
}

// checkPrivate complains if -privatebroadcast has no network to send by, and never will.
func (r *reaching) checkPrivate() error {
	if !r.settings.Bool("privatebroadcast", false) {
		return nil
	}
	const asked = "Private broadcast of own transactions requested (-privatebroadcast), but "
	if !slices.Contains(r.allowed, p2p.TorV3) && !slices.Contains(r.allowed, p2p.I2P) && !(r.awaited && listeningOnion(r.settings)) {
		return config.Complain(asked + "none of Tor or I2P networks is reachable")
	}
	if r.settings.Has("connect") {
		return config.Complain(asked + "-connect is also configured, which leaves no connections to choose for it: consider -maxconnections=0 -addnode=... instead")
	}
	return nil
}

// controlPort is Tor's for -torcontrol.
const controlPort = 9051

// listeningOnion reports whether there is to be an onion service.
func listeningOnion(s *config.Settings) bool { return s.Bool("listenonion", listening(s)) }

// torControl reads -listenonion, -torcontrol and -torpassword. target is where peers
// are let in.
func torControl(s *config.Settings, find lookup, awaited bool, target netip.AddrPort) (manager.TorControl, error) {
	if !listeningOnion(s) {
		return manager.TorControl{}, nil
	}
	if !listening(s) {
		return manager.TorControl{}, config.Complain("Cannot set -listen=0 together with -listenonion=1")
	}
	r := &reaching{settings: s, lookup: find}
	address, err := r.address("torcontrol", s.Text("torcontrol", "127.0.0.1"), controlPort)
	return manager.TorControl{Address: address, Password: s.Text("torpassword", ""), Target: target,
		Proxy: awaited, Randomize: s.Bool("proxyrandomize", true)}, err
}

// clearnet reports whether IPv4 or IPv6 is allowed, where DNS seeds are.
func (r *reaching) clearnet() bool {
	return slices.Contains(r.allowed, p2p.IPv4) || slices.Contains(r.allowed, p2p.IPv6)
}

// proxyGiven reports whether all connections are to go by a proxy: who wants that does
// not want to be found either.
func proxyGiven(s *config.Settings) bool {
	text := s.Text("proxy", "")
	return text != "" && text != "0"
}

// seeding applies the rules by which -dnsseed follows from other settings.
func seeding(s *config.Settings, n manager.Networks) bool {
	clearnet := slices.Contains(n.Reachable, p2p.IPv4) || slices.Contains(n.Reachable, p2p.IPv6)
	return s.Bool("dnsseed", clearnet && !s.Has("connect") && s.Int("maxconnections", 1) > 0)
}

// socketPaths are the paths of proxies that are unix sockets.
func socketPaths(n manager.Networks) (paths []string) {
	for _, p := range n.Proxies {
		if path, ok := strings.CutPrefix(p.Address, p2p.UnixPrefix); ok && !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	return paths
}
