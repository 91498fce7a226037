package manager

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/bulkheadnode/bulkhead/internal/durable"
	"github.com/bulkheadnode/bulkhead/p2pworker/addrbook"
)

func (m *manager) banFile() string  { return filepath.Join(m.cfg.DataDir, "banlist.json") }
func (m *manager) peerFile() string { return filepath.Join(m.cfg.DataDir, "peers.dat") }

// loadFiles reads what an earlier run left. A file that cannot be read is
// replaced; the old one is kept beside it.
func (m *manager) loadFiles() {
	began := time.Now()
	raw, err := os.ReadFile(m.banFile())
	if err == nil {
		err = m.bans.Decode(raw, m.cfg.Networks.CJDNS)
	}
	if err != nil {
		m.env.Logger.Info("Recreating the banlist database")
		m.saveBans()
	} else {
		m.net.Debug(fmt.Sprintf("Loaded %d banned node addresses/subnets %dms",
			len(m.bans.Entries(m.now())), time.Since(began).Milliseconds()))
	}
	m.loadPeers()
	m.loadAnchors()
}

func (m *manager) loadPeers() {
	began := time.Now()
	path := m.peerFile()
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		m.env.Logger.Info(fmt.Sprintf("Creating peers.dat because the file was not found (\"%s\")", path))
		m.savePeers()
		return
	}
	var book *addrbook.Book
	if err == nil {
		book, err = addrbook.Decode(raw, uint32(m.cfg.Net), m.now())
	}
	if err != nil {
		m.env.Logger.Warn(fmt.Sprintf("Creating new peers.dat because the file could not be read: %v. Original backed up to peers.dat.bak", err))
		if err := os.Rename(path, path+".bak"); err != nil {
			m.env.Logger.Warn(fmt.Sprintf("peers.dat: %v", err))
			return
		}
		m.savePeers()
		return
	}
	m.book = book
	m.env.Logger.Info(fmt.Sprintf("Loaded %d addresses from peers.dat  %dms", book.Len(), time.Since(began).Milliseconds()))
}

func (m *manager) saveBans() {
	m.mu.Lock()
	raw, err := m.bans.Encode(m.now())
	m.mu.Unlock()
	if err == nil {
		err = durable.Replace(m.banFile(), raw, 0o600)
	}
	if err != nil {
		m.env.Logger.Error(fmt.Sprintf("banlist.json: %v", err))
	}
}

func (m *manager) savePeers() {
	began := time.Now()
	m.mu.Lock()
	raw, n := m.book.Encode(uint32(m.cfg.Net), m.random.Uint64), m.book.Len()
	m.mu.Unlock()
	if err := durable.Replace(m.peerFile(), raw, 0o600); err != nil {
		m.env.Logger.Error(fmt.Sprintf("peers.dat: %v", err))
		return
	}
	m.net.Debug(fmt.Sprintf("Flushed %d addresses to peers.dat %dms", n, time.Since(began).Milliseconds()))
}
