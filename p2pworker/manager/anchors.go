package manager

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/p2pworker/addrbook"
	"github.com/bulkheadnode/bulkhead/p2pworker/roster"
)

// anchorPatience is how long a connection that was lost with its worker counts as one
// of the last: at a stop, workers end before the manager.
const anchorPatience = time.Minute

// anchors are the block-relay-only peers that an earlier run ended with. To connect to
// them again makes it harder to choose, by a restart of ours, all of our peers.
type anchors struct {
	due []p2p.NetAddr // to be tried
	// orphans went with their workers.
	orphans []orphan
}

type orphan struct {
	anchor p2p.NetAddr
	lost   time.Time
}

// loadAnchors takes what an earlier run left; the file serves once.
func (m *manager) loadAnchors() {
	if !m.cfg.Automatic {
		return
	}
	raw, err := os.ReadFile(m.path(anchorFile))
	if err == nil {
		m.due, err = addrbook.DecodeAnchors(raw, uint32(m.cfg.Net))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		m.env.Logger.Warn(fmt.Sprintf("anchors.dat: %v", err))
	}
	m.env.Logger.Info(fmt.Sprintf("%d block-relay-only anchors will be tried for connections.", len(m.due)))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	m.owe(func() {
		if err := m.saveFile(anchorFile, nil); err != nil {
			m.env.Logger.Warn(fmt.Sprintf("anchors.dat: %v", err))
		}
	})
}

// saveAnchors writes which block-relay-only peers there are, or were a moment ago.
func (m *manager) saveAnchors() {
	if !m.cfg.Automatic {
		return
	}
	began := time.Now()
	m.mu.Lock()
	list := m.lastAnchors(began)
	m.mu.Unlock()
	if err := m.saveFile(anchorFile, addrbook.EncodeAnchors(uint32(m.cfg.Net), list)); err != nil {
		m.env.Logger.Error(fmt.Sprintf("anchors.dat: %v", err))
		return
	}
	m.env.Logger.Info(fmt.Sprintf("DumpAnchors: Flush %d outbound block-relay-only peer addresses to anchors.dat completed (%.2fs)", len(list), time.Since(began).Seconds()))
}

// lastAnchors lists the connections there are before those that are no more. The mutex
// is held.
func (m *manager) lastAnchors(now time.Time) (list []p2p.NetAddr) {
	for _, p := range m.roster.Peers() {
		if a, ok := m.anchorOf(p); ok {
			list = append(list, a)
		}
	}
	for _, o := range slices.Backward(m.orphans) {
		if now.Sub(o.lost) < anchorPatience {
			list = append(list, o.anchor)
		}
	}
	return list[:min(len(list), addrbook.MaxAnchors)]
}

// anchorOf returns what is kept of a connection that may be an anchor. The mutex is
// held.
func (m *manager) anchorOf(p roster.Peer) (p2p.NetAddr, bool) {
	if p.Kind != p2p.BlockRelayOnly || !p.Remote.IsValid() {
		return p2p.NetAddr{}, false
	}
	services := wire.ServiceFlag(0)
	if f := m.facts[p.ID]; f != nil {
		services = f.services | wire.ServiceFlag(f.report.Services)
	}
	return p.Remote.NetAddr(services, m.now().Unix()), true
}

// bereave keeps the connections that went with a worker, the last two. The mutex is
// held.
func (m *manager) bereave(lost []roster.Peer) {
	for _, p := range lost {
		if a, ok := m.anchorOf(p); ok {
			m.orphans = append(m.orphans, orphan{a, time.Now()})
		}
	}
	m.orphans = m.orphans[max(0, len(m.orphans)-addrbook.MaxAnchors):]
}

// nextAnchor takes one that may be connected to, if there is one. The mutex is held.
func (m *manager) nextAnchor() (addrbook.Entry, bool) {
	for len(m.due) > 0 {
		a := m.due[len(m.due)-1]
		m.due = m.due[:len(m.due)-1]
		if e := (addrbook.Entry{Address: a.Endpoint(), Services: a.Services}); m.eligible(e) {
			m.net.Debug(fmt.Sprintf("Trying to make an anchor connection to %s", e.Address))
			return e, true
		}
	}
	return addrbook.Entry{}, false
}
