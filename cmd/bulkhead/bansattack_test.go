package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"
)

// bannedNetwork is the number of a network of IPv6 in a long list of bans.
func bannedNetwork(i int) string { return fmt.Sprintf("2a00:%x:%x::/48", i>>16, i&0xffff) }

// writeBans gives a node that many banned networks.
func (n *node) writeBans(count int) {
	type ban struct {
		Version int    `json:"version"`
		Created int64  `json:"ban_created"`
		Until   int64  `json:"banned_until"`
		Address string `json:"address"`
	}
	list, now := []ban{}, time.Now()
	for i := range count {
		list = append(list, ban{1, now.Unix(), now.AddDate(10, 0, 0).Unix(), bannedNetwork(i)})
	}
	raw, err := json.Marshal(map[string]any{"banned_nets": list})
	require.NoError(n.t, err)
	require.NoError(n.t, os.MkdirAll(n.net, 0o700))
	require.NoError(n.t, os.WriteFile(filepath.Join(n.net, "banlist.json"), raw, 0o600))
}

// asksForAddresses has strangers connect and ask, day after day, and returns the ticks
// of CPU time that the manager needs for that.
func (n *node) asksForAddresses(known []string) (ticks int) {
	for _, ip := range known {
		n.must("addpeeraddress", ip, 8333)
	}
	pid, now := n.pids("peers")[0], time.Now().Unix()
	before := cpuTicks(n.t, pid)
	told := map[string]bool{}
	for range 12 {
		now += 25 * 3600 // the same answer is given for a day
		n.must("setmocktime", now)
		p := dialBlockPeer(n, map[chainhash.Hash]*wire.MsgBlock{})
		p.say(wire.NewMsgGetAddr())
		select {
		case list := <-p.addresses:
			for _, a := range list {
				told[a.IP.String()] = true
			}
		case <-time.After(patience):
			require.FailNow(n.t, "no addresses come")
		}
		p.leave()
	}
	require.NotEmpty(n.t, told)
	for ip := range told {
		require.False(n.t, strings.HasPrefix(ip, "2a00:"), "%s is banned", ip)
	}
	return cpuTicks(n.t, pid) - before
}

// A list of very many bans costs those who ask for addresses, and those who connect, no
// more than an empty one (CVE-2020-14198).
func TestManyBansCostNothing(t *testing.T) {
	const bans, hosts = 200_000, 600
	var known, banned []string
	for i := range hosts {
		known = append(known, fmt.Sprintf("2b00:%x::1", i))
		banned = append(banned, fmt.Sprintf("2a00:1:%x::1", i))
	}
	without := startNode(t, "regtest", "-noconnect", "-disablewallet")
	base := without.asksForAddresses(known)
	without.stop()

	n := newNode(t, "regtest", "-noconnect", "-disablewallet")
	n.writeBans(bans)
	n.start()
	require.LessOrEqual(t, n.asksForAddresses(append(known, banned...)), 5*base+50)
	n.refused(-23, "setban", bannedNetwork(bans-1), "add")
	n.must("setban", bannedNetwork(bans), "add")
	n.stop()
	n.start()
	for _, i := range []int{0, bans - 1, bans} {
		n.refused(-23, "setban", bannedNetwork(i), "add")
	}
	n.stop()
}
