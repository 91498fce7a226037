package manager

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"

	"github.com/bulkheadnode/bulkhead/p2pworker/banlist"
)

// grant gives permissions to the peers of a subnet, or to those that connect
// to an address of ours.
type grant struct {
	subnet      banlist.Subnet
	bind        p2p.Endpoint // for -whitebind
	permissions p2p.Permissions
	in, out     bool
}

// parseGrant reads "[permissions@]subnet".
func parseGrant(text string, cfg Config) (grant, error) {
	g, host, err := parsePermissions(text, cfg)
	if err != nil {
		return g, err
	}
	subnet, err := banlist.ParseSubnet(host, cfg.Networks.CJDNS)
	if err != nil {
		//lint:ignore ST1005 the text is Bitcoin Core's
		return g, fmt.Errorf("Invalid netmask specified in -whitelist: '%s'", host)
	}
	g.subnet = subnet
	return g, nil
}

// parseBindGrant reads "[permissions@]address:port".
func parseBindGrant(text string, cfg Config) (grant, error) {
	g, host, err := parsePermissions(text, cfg)
	switch {
	case err != nil:
		return g, err
	case g.out:
		return g, errors.New(`whitebind may only be used for incoming connections ("out" was passed)`)
	}
	bind, err := netip.ParseAddrPort(host)
	g.bind = p2p.EndpointOf(bind)
	_, notAnIP := netip.ParseAddr(strings.Trim(host, "[]"))
	switch {
	case err == nil && g.bind.Port == 0, err != nil && notAnIP == nil:
		//lint:ignore ST1005 the text is Bitcoin Core's
		return g, fmt.Errorf("Need to specify a port with -whitebind: '%s'", host)
	case err != nil:
		//lint:ignore ST1005 the text is Bitcoin Core's
		return g, fmt.Errorf("Cannot resolve -whitebind address: '%s'", host)
	}
	return g, nil
}

// parsePermissions reads what stands before an @, if there is one, and returns
// what stands behind it.
func parsePermissions(text string, cfg Config) (g grant, host string, err error) {
	names, host, explicit := strings.Cut(text, "@")
	if !explicit {
		return grant{in: true, permissions: implicitPermissions(cfg)}, text, nil
	}
	if err := g.parseNames(names); err != nil {
		return g, "", err
	}
	switch {
	case !g.in && !g.out:
		g.in = true
	case g.permissions == 0:
		//lint:ignore ST1005 the text is Bitcoin Core's
		return g, "", fmt.Errorf("Only direction was set, no permissions: '%s'", text)
	}
	return g, host, nil
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
func permissionsFor(grants []grant, remote, local p2p.Endpoint, inbound bool) (all p2p.Permissions) {
	for _, g := range grants {
		fits := g.subnet.IsValid() && g.subnet.Contains(remote.Host) ||
			g.bind.IsValid() && g.bind == local
		if fits && (inbound && g.in || !inbound && g.out) {
			all |= g.permissions
		}
	}
	return all
}
