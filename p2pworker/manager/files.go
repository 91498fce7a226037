package manager

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/internal/multipart"
	"github.com/bulkheadnode/bulkhead/internal/wording"
	"github.com/bulkheadnode/bulkhead/p2pworker/addrbook"
)

// The manager's files in the data directory: their names are Bitcoin Core's.
const (
	banFile    = "banlist.json"
	peerFile   = "peers.dat"
	anchorFile = "anchors.dat"
	onionFile  = "onion_v3_private_key"
	i2pFile    = "i2p_private_key"
	// oldPeerFile is a peerFile of a later version.
	oldPeerFile = peerFile + ".bak"
	// captureFolder holds what -capturemessages keeps.
	captureFolder = "message_capture"
)

// FileNames are those of the files in the data directory that the manager reads at its
// start, and has the supervisor write (msg.SavePeersFile).
func FileNames() []string {
	return []string{banFile, peerFile, oldPeerFile, anchorFile, onionFile, i2pFile}
}

// CaptureFolder is where a manager with this configuration makes files itself, "" for
// nowhere.
func (c Config) CaptureFolder() string {
	if !c.Capture {
		return ""
	}
	return filepath.Join(c.DataDir, captureFolder)
}

// savePatience is how long the supervisor may take to write a file.
const savePatience = 30 * time.Second

// files is what the manager keeps beyond its end. It reads its files before it has a
// link; what is to be written then is owed.
type files struct {
	owed       []func() error
	saving     sync.Mutex // the pieces of one file follow each other
	onion, i2p keyFile
}

func (m *manager) path(name string) string { return filepath.Join(m.cfg.DataDir, name) }

// saveFile has a file be replaced, or be removed if there is no data.
func (m *manager) saveFile(name string, data []byte) error {
	conn, err := m.link()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), savePatience)
	defer cancel()
	m.saving.Lock()
	defer m.saving.Unlock()
	body := msg.PeersFileBody{Name: name}
	for {
		piece := data[:min(len(data), msg.PeersFilePiece)]
		if data = data[len(piece):]; piece != nil {
			body.Frames = multipart.One(piece)
		}
		body.More = len(data) > 0
		if _, err := msg.SavePeersFile.Call(ctx, conn, body); err != nil || !body.More {
			return err
		}
		body.At += len(piece)
	}
}

// settle writes what is owed.
func (m *manager) settle() error {
	for _, write := range m.owed {
		if err := write(); err != nil {
			return err
		}
	}
	m.owed = nil
	return nil
}

func (m *manager) owe(write func()) {
	m.owed = append(m.owed, func() error { write(); return nil })
}

// keyFile is a secret that outlives the manager.
type keyFile struct {
	held []byte // nil for none yet
	err  error  // why it could not be read: it must not be replaced then
}

// load reads a regular file of at most limit bytes, if there is one.
func (k *keyFile) load(path string, limit int64) {
	k.held, k.err = readSmall(path, limit)
	if errors.Is(k.err, fs.ErrNotExist) {
		k.held, k.err = nil, nil
	}
}

// keep replaces what is held, here and in the file.
func (m *manager) keepKey(k *keyFile, name string, secret []byte) error {
	if err := m.saveFile(name, secret); err != nil {
		return err
	}
	k.held = secret
	return nil
}

// readSmall reads a regular file of at most limit bytes.
func readSmall(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, fmt.Errorf("%s is no file of at most %d bytes", path, limit)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

// loadFiles reads what an earlier run left. A list of bans that cannot be read is
// replaced.
func (m *manager) loadFiles() error {
	m.tellGroups()
	began := time.Now()
	raw, err := os.ReadFile(m.path(banFile))
	if err == nil {
		err = m.bans.Decode(raw, m.cfg.Networks.CJDNS)
	}
	if errors.Is(err, fs.ErrPermission) {
		// It may be another file than the one that this process got the right to read: the
		// supervisor has replaced it for the process before. The next one may.
		return err
	}
	if err != nil {
		m.env.Logger.Info("Recreating the banlist database")
		m.owe(m.saveBans)
	} else {
		m.net.Debug(fmt.Sprintf("Loaded %d banned node addresses/subnets %dms",
			len(m.bans.Entries(m.now())), time.Since(began).Milliseconds()))
	}
	if err := m.loadPeers(); err != nil {
		return err
	}
	m.loadAnchors()
	if m.cfg.Tor.Address != "" {
		m.onion.load(m.path(onionFile), maxOnionKey)
	}
	if _, ok := m.cfg.Networks.proxy(p2p.I2P); ok {
		m.i2p.load(m.path(i2pFile), maxI2PKey)
	}
	return nil
}

// loadPeers reads peers.dat. That of a later version is kept beside a new one; one that
// is damaged is for the user to judge, as in Bitcoin Core.
func (m *manager) loadPeers() error {
	began := time.Now()
	path := m.path(peerFile)
	raw, err := os.ReadFile(path)
	var book *addrbook.Book
	if err == nil {
		book, err = addrbook.Decode(raw, uint32(m.cfg.Net), m.groups())
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		m.env.Logger.Info(fmt.Sprintf("Creating peers.dat because the file was not found (\"%s\")", path))
		m.owe(m.savePeers)
		return nil
	case errors.Is(err, addrbook.ErrFuture):
		m.owed = append(m.owed, func() error {
			if m.saveFile(oldPeerFile, raw) != nil {
				return wording.Errorf("Failed to rename invalid peers.dat file. Please move or delete it and try again.")
			}
			return nil
		})
		m.env.Logger.Warn(fmt.Sprintf("Creating new peers.dat because the file version was not compatible (\"%s\"). Original backed up to peers.dat.bak", path))
		m.owe(m.savePeers)
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
		err = m.saveFile(banFile, raw)
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
	if err := m.saveFile(peerFile, raw); err != nil {
		m.env.Logger.Error(fmt.Sprintf("peers.dat: %v", err))
		return
	}
	m.net.Debug(fmt.Sprintf("Flushed %d addresses to peers.dat %dms", n, time.Since(began).Milliseconds()))
}
