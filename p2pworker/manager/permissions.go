package manager

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/bulkheadnode/bulkhead/p2pworker/banlist"
)

// permissionOrder is the order in which Bitcoin Core lists permissions.
var permissionOrder = [...]string{"bloomfilter", "noban", "forcerelay", "relay", "mempool", "download", "addr"}

type permissionSet map[string]bool

func (s permissionSet) list() []string {
	names := []string{}
	for _, name := range permissionOrder {
		if s[name] {
			names = append(names, name)
		}
	}
	return names
}

// grant gives permissions to the peers of a subnet, or to those that connect
// to an address of ours.
type grant struct {
	subnet      netip.Prefix
	bind        netip.AddrPort // for -whitebind
	permissions permissionSet
	in, out     bool
}

// parseGrant reads "[permissions@]subnet".
func parseGrant(text string, cfg Config) (grant, error) {
	names, host, explicit := strings.Cut(text, "@")
	g := grant{permissions: permissionSet{}}
	if !explicit {
		host, names = names, ""
		g.in = true
		g.permissions = implicitPermissions(cfg)
	} else if err := g.parseNames(names); err != nil {
		return g, err
	}
	subnet, err := banlist.ParseSubnet(host)
	if err != nil {
		//lint:ignore ST1005 the text is Bitcoin Core's
		return g, fmt.Errorf("Invalid netmask specified in -whitelist: '%s'", text)
	}
	g.subnet = subnet
	return g, nil
}

// parseBindGrant reads "[permissions@]address:port".
func parseBindGrant(text string, cfg Config) (grant, error) {
	names, host, explicit := strings.Cut(text, "@")
	g := grant{permissions: permissionSet{}, in: true}
	if !explicit {
		host = names
		g.permissions = implicitPermissions(cfg)
	} else if err := g.parseNames(names); err != nil {
		return g, err
	}
	bind, err := netip.ParseAddrPort(host)
	if err != nil {
		//lint:ignore ST1005 the text is Bitcoin Core's
		return g, fmt.Errorf("Cannot resolve -whitebind address: '%s'", host)
	}
	g.bind = bind
	return g, nil
}

func (g *grant) parseNames(names string) error {
	for _, name := range strings.Split(names, ",") {
		switch name {
		case "in":
			g.in = true
		case "out":
			g.out = true
		case "all":
			for _, n := range permissionOrder {
				g.permissions[n] = true
			}
		case "bloom":
			g.permissions["bloomfilter"] = true
		case "noban":
			g.permissions["noban"], g.permissions["download"] = true, true
		case "forcerelay":
			g.permissions["forcerelay"], g.permissions["relay"] = true, true
		case "bloomfilter", "relay", "mempool", "download", "addr":
			g.permissions[name] = true
		case "":
		default:
			//lint:ignore ST1005 the text is Bitcoin Core's
			return fmt.Errorf("Invalid P2P permission: '%s'", name)
		}
	}
	if !g.in && !g.out {
		g.in = true
	}
	return nil
}

func implicitPermissions(cfg Config) permissionSet {
	s := permissionSet{"noban": true, "download": true, "mempool": true}
	s["relay"] = !cfg.NoWhitelistRelay || cfg.WhitelistForceRelay
	s["forcerelay"] = cfg.WhitelistForceRelay
	return s
}

func parseGrants(cfg Config) ([]grant, error) {
	var list []grant
	for _, text := range cfg.Whitelist {
		g, err := parseGrant(text, cfg)
		if err != nil {
			return nil, err
		}
		list = append(list, g)
	}
	for _, text := range cfg.Whitebind {
		g, err := parseBindGrant(text, cfg)
		if err != nil {
			return nil, err
		}
		list = append(list, g)
	}
	return list, nil
}

// permissionsFor unites all grants that fit a connection.
func permissionsFor(grants []grant, remote, local netip.AddrPort, inbound bool) permissionSet {
	all := permissionSet{}
	for _, g := range grants {
		fits := g.subnet.IsValid() && g.subnet.Contains(remote.Addr().Unmap()) ||
			g.bind.IsValid() && g.bind == local
		if !fits || inbound && !g.in || !inbound && !g.out {
			continue
		}
		for name, given := range g.permissions {
			all[name] = all[name] || given
		}
	}
	return all
}
