package ship

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
	"github.com/bulkheadnode/bulkhead/p2pworker/manager"
)

// Slots of a profile that names none. Local services are few, and known.
const (
	profileSlots = 32
	localSlots   = 8
)

// The profiles that mean something by their names.
const (
	localProfile   = "local"
	filtersProfile = "filters"
	limitedProfile = "limited"
)

// localPermissions are what a service of the user's own may do.
const localPermissions = p2p.NoBan | p2p.Download | p2p.Mempool | p2p.Relay | p2p.Addr

// profileName is what a profile may be called.
var profileName = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

// serviceNames are the services that a profile may offer.
var serviceNames = map[string]wire.ServiceFlag{
	"network": wire.SFNodeNetwork | wire.SFNodeNetworkLimited, "limited": wire.SFNodeNetworkLimited, "witness": wire.SFNodeWitness, "filters": wire.SFNodeCF,
}

// listenProfiles reads -listenprofile=NAME:ADDRESS[,KEY=VALUE]... Default services are
// the node's, as given.
func listenProfiles(s *config.Settings, port int, services wire.ServiceFlag) (list []manager.Profile, err error) {
	seen := map[string]bool{}
	for _, text := range s.List("listenprofile") {
		p, err := listenProfile(text, port, services)
		if err == nil && seen[p.Name] {
			err = fmt.Errorf("the name is taken")
		}
		if err == nil && p.Services&wire.SFNodeCF != 0 && s.Text("blockfilterindex", "0") == "0" {
			err = fmt.Errorf("filters need -blockfilterindex")
		}
		if err == nil && p.Services&wire.SFNodeNetwork != 0 && s.Int("prune", 0) > 0 {
			err = fmt.Errorf("a pruned node does not have all blocks")
		}
		if err != nil {
			return nil, config.Complain("Invalid -listenprofile=%s: %v", text, err)
		}
		seen[p.Name] = true
		list = append(list, p)
	}
	return list, nil
}

func listenProfile(text string, port int, services wire.ServiceFlag) (p manager.Profile, err error) {
	name, rest, _ := strings.Cut(text, ":")
	if !profileName.MatchString(name) {
		return p, fmt.Errorf("a name has up to 32 of a-z, 0-9 and -")
	}
	fields := strings.Split(rest, ",")
	address, err := withPort(fields[0], port)
	if err != nil {
		return p, err
	}
	p = manager.Profile{Name: name, Services: services, Slots: profileSlots}
	if p.Bind, err = netip.ParseAddrPort(address); err != nil {
		return p, err
	}
	framing := services & wire.SFNodeP2PV2
	switch name {
	case localProfile:
		p.Slots, p.Permissions, p.Exempt = localSlots, localPermissions, true
	case filtersProfile:
		p.Services = wire.SFNodeCF | wire.SFNodeWitness | framing
	case limitedProfile:
		p.Services = wire.SFNodeNetworkLimited | wire.SFNodeWitness | framing
	}
	for _, field := range fields[1:] {
		if err := setProfile(&p, field, framing); err != nil {
			return p, err
		}
	}
	return p, nil
}

// setProfile reads one KEY=VALUE.
func setProfile(p *manager.Profile, field string, framing wire.ServiceFlag) error {
	key, value, _ := strings.Cut(field, "=")
	switch key {
	case "slots":
		n, err := strconv.ParseUint(value, 10, 16)
		if err != nil || n == 0 {
			return fmt.Errorf("bad number of slots %q", value)
		}
		p.Slots = int(n)
	case "services":
		p.Services = framing
		for _, name := range strings.Split(value, "+") {
			if serviceNames[name] == 0 {
				return fmt.Errorf("unknown service %q", name)
			}
			p.Services |= serviceNames[name]
		}
	case "permissions":
		p.Permissions = 0
		for _, name := range strings.Split(value, "+") {
			granted := p2p.ParsePermission(name)
			if granted == 0 {
				return fmt.Errorf("unknown permission %q", name)
			}
			p.Permissions |= granted
		}
	case "download", "upload":
		rate, ok := config.ParseBytes(value)
		if !ok {
			return fmt.Errorf("bad rate %q", value)
		}
		p.Rates[map[string]p2p.Direction{"download": p2p.Down, "upload": p2p.Up}[key]] = rate
	default:
		return fmt.Errorf("unknown setting %q", key)
	}
	return nil
}
