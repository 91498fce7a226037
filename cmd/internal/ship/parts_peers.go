package ship

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
	"github.com/bulkheadnode/bulkhead/cmd/internal/supervise"
	"github.com/bulkheadnode/bulkhead/cmd/internal/version"
	"github.com/bulkheadnode/bulkhead/internal/bitcoin/chains"
	"github.com/bulkheadnode/bulkhead/p2pworker"
	"github.com/bulkheadnode/bulkhead/p2pworker/dialler"
	"github.com/bulkheadnode/bulkhead/p2pworker/manager"
)

// idlePool is how many workers wait for a connection in perpeer mode.
const idlePool = 2

// workerPlan is what -p2pworkers asks for.
type workerPlan struct {
	perPeer bool
	count   int
}

func (p *partSettings) planWorkers() error {
	fallback := "perpeer"
	if !p.settings.Bool("multiprocess", true) {
		fallback = "1"
	}
	text := p.settings.Text("p2pworkers", fallback)
	if text == "perpeer" {
		p.workers = workerPlan{perPeer: true}
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > maxWorkers {
		return fmt.Errorf("-p2pworkers=%s is neither \"perpeer\" nor a number from 0 to %d", text, maxWorkers)
	}
	p.workers = workerPlan{count: n}
	return nil
}

// noWorkers reports whether all workers are on other machines.
func noWorkers(s *config.Settings) bool {
	text := s.Text("p2pworkers", "")
	n, err := strconv.Atoi(text)
	return err == nil && n == 0
}

func (p *partSettings) worker(instance string) supervise.Spec {
	s := p.settings
	cfg := p2pworker.Config{
		Net: p.params.Net, DefaultPort: uint16(p.layout.Chain.P2PPort()), UserAgent: p.userAgent,
		MinRelayFeeRate: p.relay.MinRelay, Services: p.services(),
		PeerTimeout:    time.Duration(min(s.Int("peertimeout", 0), 1<<31)) * time.Second,
		ConnectTimeout: time.Duration(s.Int("timeout", 0)) * time.Millisecond,
	}
	if p.networks.I2PBind.IsValid() {
		cfg.I2PBind = p.networks.I2PBind.String()
	}
	s.Fill(&cfg)
	policy := supervise.Forever
	if p.workers.perPeer {
		cfg.Capacity, policy = 1, supervise.Once
	}
	return supervise.Spec{Role: roles.Worker, Instance: instance, Settings: cfg, Listeners: supervise.Sockets(p.p2p), Policy: policy, Single: p.workers.perPeer,
		DocksWith: roles.Dialler}
}

// dialler makes the connections of all workers.
func (p *partSettings) dialler() supervise.Spec {
	cfg := dialler.Config{
		DefaultPort: uint16(p.layout.Chain.P2PPort()), ConnectTimeout: time.Duration(p.settings.Int("timeout", 0)) * time.Millisecond,
	}
	p.settings.Fill(&cfg)
	return supervise.Spec{Role: roles.Dialler, Instance: "dialler", Settings: cfg, UnixProxies: socketPaths(p.networks)}
}

// configureNetworks reads by which ways peers are reached.
func (p *partSettings) configureNetworks() error {
	if p.settings.Has("peertimeout") && p.settings.Int("peertimeout", 0) <= 0 {
		return config.Complain("peertimeout must be a positive integer.")
	}
	var err error
	if p.uploadTarget, err = p.settings.Bytes("maxuploadtarget"); err != nil {
		return err
	}
	networks, awaited, err := networksOf(p.settings, lookUp)
	if err != nil {
		return err
	}
	p.networks = networks
	if p.settings.Bool("forcednsseed", false) && !seeding(p.settings, networks) {
		return config.Complain("Cannot set -forcednsseed to true when setting -dnsseed to false.")
	}
	bindings, err := p2pEndpoints(p.settings, p.layout.Chain)
	for _, b := range bindings {
		if end, err := netip.ParseAddrPort(b.addr); err == nil && b.onion {
			p.networks.OnionBinds = append(p.networks.OnionBinds, end)
		}
	}
	p.networks.I2PBind = i2pTarget(bindings, p.p2p)
	if err == nil {
		p.own, err = ownAddresses(p.settings, p.layout.Chain, bindings, lookUp)
	}
	if err != nil || len(p.p2p) == 0 && !p.settings.Has("listenonion") {
		return err
	}
	p.tor, err = torControl(p.settings, lookUp, awaited, onionTarget(p.networks, p.p2p))
	return err
}

// noSeed is asked on regtest, where there is nobody: the name is of those that never
// lead anywhere (RFC 6761).
const noSeed = "dummySeed.invalid."

func (p *partSettings) dnsSeeds() (hosts []string) {
	for _, seed := range p.params.DNSSeeds {
		hosts = append(hosts, seed.Host)
	}
	if p.layout.Chain.Name == chains.Regtest {
		hosts = append(hosts, noSeed)
	}
	return hosts
}

// onionTarget is where Tor is to connect peers to: at the listener that is for it, or
// else at the first.
func onionTarget(n manager.Networks, listeners []*net.TCPListener) netip.AddrPort {
	if len(n.OnionBinds) > 0 {
		return n.OnionBinds[0]
	}
	if len(listeners) == 0 {
		return netip.AddrPort{}
	}
	at := listeners[0].Addr().(*net.TCPAddr).AddrPort()
	if at.Addr().IsUnspecified() {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), at.Port())
	}
	return at
}

// i2pTarget is where a router of I2P is to connect peers to: the last binding, which
// always has its listener, as it is not optional. It is not valid if there is none.
func i2pTarget(bindings []binding, listeners []*net.TCPListener) netip.AddrPort {
	if len(bindings) == 0 || len(listeners) == 0 || !bindings[len(bindings)-1].i2p {
		return netip.AddrPort{}
	}
	return listeners[len(listeners)-1].Addr().(*net.TCPAddr).AddrPort()
}

// services are what peers may expect of us: a pruned node serves only the last
// blocks (BIP159), and whether connections may be encrypted is a setting (BIP324).
func (p *partSettings) services() wire.ServiceFlag {
	services := wire.SFNodeNetworkLimited | wire.SFNodeWitness
	if p.settings.Int("prune", 0) <= 0 {
		services |= wire.SFNodeNetwork
	}
	if p.settings.Bool("peerblockfilters", false) {
		services |= wire.SFNodeCF
	}
	if p.settings.Bool("peerbloomfilters", false) {
		services |= wire.SFNodeBloom
	}
	if p.settings.Bool("v2transport", true) {
		services |= wire.SFNodeP2PV2
	}
	return services
}

func (p *partSettings) manager() manager.Config {
	s := p.settings
	cfg := manager.Config{
		DataDir: p.layout.Net, Net: p.params.Net, Regtest: p.layout.Chain.Name == chains.Regtest,
		DefaultPort: uint16(p.layout.Chain.P2PPort()), Automatic: !s.Has("connect"),
		BanTime:        time.Duration(s.Int("bantime", 0)) * time.Second,
		ConnectTimeout: time.Duration(s.Int("timeout", 0)) * time.Millisecond,
		ClientVersion:  clientVersion(version.Reference), UserAgent: p.userAgent, Services: p.services(),
		MinRelayFeeRate: p.relay.MinRelay, IncrementalRate: p.relay.Incremental, Networks: p.networks, Tor: p.tor,
		UploadTarget: p.uploadTarget, Own: p.own, ASMap: p.asmap, ASMapFile: p.asmapFile,
		Rates: p.rates, Profiles: p.profiles,
	}
	s.Fill(&cfg)
	cfg.AddNode = slices.DeleteFunc(cfg.AddNode, blank)
	for _, target := range s.List("connect") {
		if target != "0" {
			cfg.Connect = append(cfg.Connect, target)
		}
	}
	if p.workers.perPeer {
		cfg.IdleWorkers = idlePool
	}
	if s.Has("maxconnections") {
		n := int(s.Int("maxconnections", 0))
		cfg.MaxConnections = &n
	}
	if s.Has("inboundrelaypercent") {
		percent := int(s.Int("inboundrelaypercent", 0))
		cfg.InboundRelayPercent = &percent
	}
	if seeding(s, p.networks) {
		cfg.DNSSeeds = p.dnsSeeds()
	}
	return cfg
}

func blank(text string) bool { return strings.TrimSpace(text) == "" }

// clientVersion is a version as a number: 1.2.3 is 10203.
func clientVersion(version string) int {
	var major, minor, patch int
	// A version that is not three numbers counts as 0.
	_, _ = fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch)
	return 10000*major + 100*minor + patch
}
