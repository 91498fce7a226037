package manager

import (
	"context"
	"fmt"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/internal/wording"
	"github.com/bulkheadnode/bulkhead/p2pworker/addrbook"
	"github.com/bulkheadnode/bulkhead/p2pworker/asmap"
)

// healthInterval is between two lines of the log about what the map knows.
const healthInterval = 24 * time.Hour

// systems reads the map.
func (c Config) systems() (*asmap.Map, error) {
	if c.ASMapFile == "" {
		return nil, nil
	}
	m, err := asmap.New(c.ASMap)
	if err != nil {
		return nil, wording.Errorf("Could not parse asmap file \"%s\"", c.ASMapFile)
	}
	return m, nil
}

// groups are how the book tells parts of the network apart.
func (m *manager) groups() addrbook.Groups {
	return addrbook.Groups{Of: m.asmap.Group, Version: m.asmap.Version()}
}

// tellGroups logs it.
func (m *manager) tellGroups() {
	if m.asmap == nil {
		m.env.Logger.Info("Using /16 prefix for IP bucketing")
		return
	}
	m.env.Logger.Info(fmt.Sprintf("Opened asmap file \"%s\" (%d bytes) from disk", m.cfg.ASMapFile, len(m.cfg.ASMap)))
	m.env.Logger.Info(fmt.Sprintf("Using asmap version %s for IP bucketing", m.asmap.Version()))
}

// checkHealth logs how much of the network the map knows.
func (m *manager) checkHealth() {
	m.mu.Lock()
	defer m.mu.Unlock()
	known, unknown, systems := 0, 0, map[uint32]struct{}{}
	for e := range m.book.All() {
		network := e.Address.Host.Network()
		if network != p2p.IPv4 && network != p2p.IPv6 {
			continue
		}
		known++
		if system := m.asmap.System(e.Address.Host); system != 0 {
			systems[system] = struct{}{}
		} else {
			unknown++
		}
	}
	m.env.Logger.Info(fmt.Sprintf("ASMap Health Check: %d clearnet peers are mapped to %d ASNs with %d peers being unmapped", known, len(systems), unknown))
}

// verifyBook looks now and then whether the address book is sound, if that is wanted.
// The mutex is held.
func (m *manager) verifyBook() {
	if m.cfg.CheckBook <= 0 || m.random.Uint64()%uint64(m.cfg.CheckBook) != 0 {
		return
	}
	tried := m.book.Tried()
	m.addrman.Debug(fmt.Sprintf("CheckAddrman: new %d, tried %d, total %d started", m.book.Len()-tried, tried, m.book.Len()))
	began := time.Now()
	if err := m.book.Verify(); err != nil {
		m.env.Logger.Error(fmt.Sprintf("ADDRMAN CONSISTENCY CHECK FAILED: %v", err))
	}
	m.addrman.Debug(fmt.Sprintf("CheckAddrman: completed (%.2fms)", float64(time.Since(began).Microseconds())/1000))
}

func exportCommand() rpc.Command {
	return rpc.Command{Name: "exportasmap", Category: "Network",
		Summary: "Export the embedded ASMap data to a file. Bulkhead embeds none: the file of -asmap is the user's.",
		Params:  []rpc.Param{{Name: "path", Type: rpc.String, Help: "Path to the output file"}},
		Result:  "none: the command fails",
		Run: func(context.Context, *rpc.Call) (any, error) {
			return nil, rpc.Errorf(rpc.MiscError, "No embedded ASMap data available")
		}}
}
