package manager

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/p2pworker/banlist"
	"github.com/bulkheadnode/bulkhead/p2pworker/roster"
)

func (m commands) setBan(_ context.Context, call *rpc.Call) (any, error) {
	text, err := call.Text(0, "")
	if err != nil {
		return nil, err
	}
	command, err := call.Text(1, "")
	if err != nil {
		return nil, err
	}
	if command != "add" && command != "remove" {
		return nil, rpc.Errorf(rpc.MiscError, "setban \"subnet\" \"command\" ( bantime absolute )\n\nAttempts to add or remove an IP/Subnet from the banned list.\n")
	}
	subnet, err := banlist.ParseBan(text, m.cfg.Networks.CJDNS)
	if err != nil {
		return nil, rpc.Errorf(rpc.InvalidIPOrSubnet, "Error: Invalid IP/Subnet")
	}
	if subnet.System() != 0 && m.asmap == nil && command == "add" {
		return nil, rpc.Errorf(rpc.InvalidParameter, "Error: Which addresses are in an autonomous system is known with -asmap only")
	}
	if command == "remove" {
		m.mu.Lock()
		removed := m.bans.Unban(subnet)
		m.mu.Unlock()
		if !removed {
			return nil, rpc.Errorf(rpc.InvalidIPOrSubnet, "Error: Unban failed. Requested address/subnet was not previously manually banned.")
		}
	} else if err := m.ban(call, text, subnet); err != nil {
		return nil, err
	}
	m.saveBans()
	return nil, nil
}

func (m commands) ban(call *rpc.Call, text string, subnet banlist.Subnet) error {
	seconds, err := call.Int64(2, 0)
	if err != nil {
		return err
	}
	absolute, err := call.Bool(3, false)
	if err != nil {
		return err
	}
	inboundOnly, err := call.Bool(4, false)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if m.bannedAlready(subnet, strings.Contains(text, "/") || subnet.WholeNetwork() || subnet.System() != 0, inboundOnly) {
		return rpc.Errorf(rpc.ClientNodeAdded, "Error: IP/Subnet already banned")
	}
	if absolute && seconds < now.Unix() {
		return rpc.Errorf(rpc.InvalidParameter, "Error: Absolute timestamp is in the past")
	}
	until := now.Add(time.Duration(min(seconds, maxBanSeconds)) * time.Second)
	switch {
	case seconds <= 0:
		until = now.Add(m.cfg.BanTime)
	case absolute:
		until = time.Unix(seconds, 0)
	}
	ban := m.bans.Ban
	if inboundOnly {
		ban = m.bans.BanInbound
	}
	ban(subnet, now, until)
	m.dispatchBan(subnet, inboundOnly)
	return nil
}

// bannedAlready reports whether there is a ban of at least the same reach: one of inbound
// connections is none of all. The mutex is held.
func (m commands) bannedAlready(subnet banlist.Subnet, isSubnet, inboundOnly bool) bool {
	bannedSubnet, banned := m.bans.BannedSubnetOutbound, m.bans.BannedOutbound
	if inboundOnly {
		bannedSubnet, banned = m.bans.BannedSubnet, m.bans.Banned
	}
	if isSubnet {
		return bannedSubnet(subnet, m.now())
	}
	return banned(subnet.Host(), m.now())
}

// maxBanSeconds keeps a relative ban within what a duration can hold.
const maxBanSeconds = 200 * 365 * 24 * 3600

// torOnly is the ban of all peers that come by Tor, whose own addresses are not known.
var torOnly = banlist.SubnetOfNetwork(p2p.TorV3)

// banned reports whether an inbound connection is of a banned host, or of a banned
// network by the listener it came to. The mutex is held.
func (m *manager) banned(remote, local p2p.Endpoint) bool {
	return m.bans.Banned(remote.Host, m.now()) || m.cfg.Networks.isOnionBind(local) && m.bans.BannedSubnet(torOnly, m.now())
}

func (m commands) dispatchBan(subnet banlist.Subnet, inboundOnly bool) {
	orders, _ := m.roster.DisconnectIf(p2p.EndedByBan, fmt.Sprintf("disconnect by subnet match=%s", subnet), func(p roster.Peer) bool {
		inbound := p.Kind == p2p.Inbound
		byTor := subnet == torOnly && inbound && m.cfg.Networks.isOnionBind(p.Local)
		return byTor || m.bans.Covers(subnet, p.Remote.Host) && (inbound || !inboundOnly)
	})
	m.dispatch(orders)
}

type bannedNet struct {
	Address   string `json:"address"`
	Created   int64  `json:"ban_created"`
	Until     int64  `json:"banned_until"`
	Duration  int64  `json:"ban_duration"`
	Remaining int64  `json:"time_remaining"`
	// InboundOnly is not Bitcoin Core's.
	InboundOnly bool `json:"inbound_only,omitempty"`
}

func (m commands) listBanned(context.Context, *rpc.Call) (any, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	list := []bannedNet{}
	for _, e := range m.bans.Entries(now) {
		list = append(list, bannedNet{e.Subnet.String(), e.Created, e.Until, e.Until - e.Created, e.Until - now.Unix(), e.InboundOnly})
	}
	return list, nil
}

func (m commands) clearBanned(context.Context, *rpc.Call) (any, error) {
	m.mu.Lock()
	m.bans.Clear()
	m.mu.Unlock()
	m.saveBans()
	return nil, nil
}
