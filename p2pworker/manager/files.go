package manager

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/bulkheadnode/bulkhead/internal/durable"
	"github.com/bulkheadnode/bulkhead/internal/wording"
	"github.com/bulkheadnode/bulkhead/p2pworker/addrbook"
)

func (m *manager) banFile() string  { return filepath.Join(m.cfg.DataDir, "banlist.json") }
func (m *manager) peerFile() string { return filepath.Join(m.cfg.DataDir, "peers.dat") }

// loadFiles reads what an earlier run left. A list of bans that cannot be read is
// replaced.
func (m *manager) loadFiles() error {
	m.tellGroups()
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
	if err := m.loadPeers(); err != nil {
		return err
	}
	m.loadAnchors()
	return nil
}

// loadPeers reads peers.dat. That of a later version is kept beside a new one; one that
// is damaged is for the user to judge, as in Bitcoin Core.
func (m *manager) loadPeers() error {
	began := time.Now()
	path := m.peerFile()
	raw, err := os.ReadFile(path)
	var book *addrbook.Book
	if err == nil {
		book, err = addrbook.Decode(raw, uint32(m.cfg.Net), m.groups())
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		m.env.Logger.Info(fmt.Sprintf("Creating peers.dat because the file was not found (\"%s\")", path))
		m.savePeers()
		return nil
	case errors.Is(err, addrbook.ErrFuture):
		if err := os.Rename(path, path+".bak"); err != nil {
			return wording.Errorf("Failed to rename invalid peers.dat file. Please move or delete it and try again.")
		}
		m.env.Logger.Warn(fmt.Sprintf("Creating new peers.dat because the file version was not compatible (\"%s\"). Original backed up to peers.dat.bak", path))
		m.savePeers()
		return nil
	case err != nil:
		return wording.Errorf("Invalid or corrupt peers.dat (%w). If you believe this is a bug, please report it to %s. As a workaround, you can move the file (\"%s\") out of the way (rename, move, or delete) to have a new one created on the next start.", err, bugReports, path)
	}
	m.book = book
	m.env.Logger.Info(fmt.Sprintf("Loaded %d addresses from peers.dat %dms", book.Len(), time.Since(began).Milliseconds()))
	return nil
}

// bugReports is where the project takes them; there is no such place yet.
const bugReports = ""

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
	raw, n := m.book.Encode(uint32(m.cfg.Net)), m.book.Len()
	m.mu.Unlock()
	if err := durable.Replace(m.peerFile(), raw, 0o600); err != nil {
		m.env.Logger.Error(fmt.Sprintf("peers.dat: %v", err))
		return
	}
	m.net.Debug(fmt.Sprintf("Flushed %d addresses to peers.dat %dms", n, time.Since(began).Milliseconds()))
}
