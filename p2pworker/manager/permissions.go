package manager

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"

	"github.com/bulkheadnode/bulkhead/p2pworker/banlist"
)

// grant gives permissions to the peers of a subnet, or to those that connect
// to an address of ours.
type grant struct {
	subnet      netip.Prefix
	bind        netip.AddrPort // for -whitebind
	permissions p2p.Permissions
	in, out     bool
}

// parseGrant reads "[permissions@]subnet".
func parseGrant(text string, cfg Config) (grant, error) {
	names, host, explicit := strings.Cut(text, "@")
	g := grant{}
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
	g := grant{in: true}
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
		granted := p2p.ParsePermission(name)
		switch {
		case name == "in":
			g.in = true
		case name == "out":
			g.out = true
		case granted == 0 && name != "":
			//lint:ignore ST1005 the text is Bitcoin Core's
			return fmt.Errorf("Invalid P2P permission: '%s'", name)
		}
		g.permissions |= granted
	}
	if !g.in && !g.out {
		g.in = true
	}
	return nil
}

func implicitPermissions(cfg Config) p2p.Permissions {
	granted := p2p.NoBan | p2p.Download | p2p.Mempool
	if cfg.WhitelistForceRelay {
		granted |= p2p.ForceRelay
	}
	if !cfg.NoWhitelistRelay || cfg.WhitelistForceRelay {
		granted |= p2p.Relay
	}
	return granted
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
func permissionsFor(grants []grant, remote, local netip.AddrPort, inbound bool) (all p2p.Permissions) {
	for _, g := range grants {
		fits := g.subnet.IsValid() && g.subnet.Contains(remote.Addr().Unmap()) ||
			g.bind.IsValid() && g.bind == local
		if fits && (inbound && g.in || !inbound && g.out) {
			all |= g.permissions
		}
	}
	return all
}
