package ship

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/cmd/internal/sandbox"
	"github.com/bulkheadnode/bulkhead/internal/durable"
	"github.com/bulkheadnode/bulkhead/p2pworker/manager"
	"github.com/bulkheadnode/bulkhead/p2pworker/torcontrol"
)

// peersFiles are the manager's files, which lie in the data directory beside those of
// others. The kernel gives rights on a folder with all that is in it: so the manager may
// read its files, and the supervisor writes them.
type peersFiles struct {
	dir    string
	tor    bool // there is a daemon whose challenges may be answered
	saving sync.Mutex
	pieces []byte // of one file that has not come to its end
}

// files is what the manager may open: its own files, and where it keeps messages.
func (p *partSettings) peersFiles(cfg manager.Config) (sandbox.Files, error) {
	var files sandbox.Files
	for _, name := range manager.FileNames() {
		files.Read = append(files.Read, filepath.Join(cfg.DataDir, name))
	}
	folder := cfg.CaptureFolder()
	if folder == "" {
		return files, nil
	}
	files.Fill = []string{folder}
	return files, os.MkdirAll(folder, 0o700)
}

// save serves msg.SavePeersFile.
func (f *peersFiles) save(_ context.Context, body msg.PeersFileBody) (bus.None, error) {
	if !slices.Contains(manager.FileNames(), body.Name) || len(body.Attached) > 1 {
		return bus.None{}, bus.Errorf(bus.KindBadMessage, "no file of the manager's: %q", body.Name)
	}
	path := filepath.Join(f.dir, body.Name)
	f.saving.Lock()
	defer f.saving.Unlock()
	if len(body.Attached) == 1 {
		whole, err := f.gather(body)
		if err != nil || body.More {
			return bus.None{}, err
		}
		return bus.None{}, durable.Replace(path, whole, 0o600)
	}
	if err := os.Remove(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return bus.None{}, err
	}
	return bus.None{}, durable.Names(f.dir)
}

// gather returns what has come of a file. One of which the end does not come, as the
// manager's has, is forgotten when another begins. The lock is held.
func (f *peersFiles) gather(body msg.PeersFileBody) (whole []byte, err error) {
	if body.At == 0 {
		f.pieces = nil
	}
	if body.At != len(f.pieces) || body.At+len(body.First()) > msg.MaxPeersFile {
		return nil, bus.Errorf(bus.KindBadMessage, "%d bytes of %q at %d", len(body.First()), body.Name, body.At)
	}
	if body.At == 0 && !body.More {
		return body.First(), nil
	}
	whole = append(f.pieces, body.First()...)
	if f.pieces = whole; !body.More {
		f.pieces = nil
	}
	return whole, nil
}

// prove serves msg.ProveTor.
func (f *peersFiles) prove(_ context.Context, req msg.ProveTorRequest) (msg.ProveTorReply, error) {
	if !f.tor {
		return msg.ProveTorReply{}, bus.Errorf(bus.KindBadMessage, "no Tor daemon is used")
	}
	cookie, err := readTorCookie(req.Path)
	if err != nil {
		return msg.ProveTorReply{}, err
	}
	defer clear(cookie)
	proof, err := torcontrol.Challenge{Ours: req.Ours, Theirs: req.Theirs, Hash: req.Hash}.Answer(cookie)
	return msg.ProveTorReply{Proof: proof}, err
}

// maxTorCookie is more than Tor's cookie file has.
const maxTorCookie = 64

// readTorCookie reads a regular file: one that is none is not waited for.
func readTorCookie(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxTorCookie {
		return nil, fmt.Errorf("%s is no cookie of Tor's", path)
	}
	return io.ReadAll(io.LimitReader(f, maxTorCookie))
}
