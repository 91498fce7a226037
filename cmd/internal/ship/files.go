package ship

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/node/poolfile"
)

// nodeInstance is the node's name on the bus. It serves all commands that use files.
const nodeInstance = "node"

// maxLent bounds how many files commands may use at a time.
const maxLent = 64

// lender opens the files that users name in commands, for the part that serves these: it
// asks for none itself, and who has taken it over alone gets none.
type lender struct {
	dir string // to which paths are relative
	// give hands a file over; nil if the part opens files itself.
	give func(instance string, f *os.File, number uint64) error
	// attached tells who is on the bus, and since when.
	attached func() map[string]time.Time

	mu   sync.Mutex
	last uint64
	lent map[uint64]loan
}

// loan is a file that a command uses.
type loan struct {
	caller string    // who is to give it back; "" for the supervisor itself
	since  time.Time // when that came to the bus: another of the name is not it
	// A file that is made has another name until it is complete; both are "" for others.
	unfinished, path string
}

func (s *ship) newLender() *lender {
	l := &lender{dir: s.cfg.Layout.Net, lent: map[uint64]loan{}, attached: s.onBus}
	if s.cfg.Settings.Bool("multiprocess", true) {
		l.give = s.supervisor.HandOver
	}
	return l
}

func (s *ship) onBus() map[string]time.Time {
	instances := map[string]time.Time{}
	for _, link := range s.broker.Stats() {
		instances[link.Instance] = link.Since
	}
	return instances
}

// open serves msg.OpenFile.
func (l *lender) open(ctx context.Context, req msg.OpenFileRequest) (msg.FileNumber, error) {
	use := rpc.FileUse(req.Command)
	if use == 0 {
		return msg.FileNumber{}, bus.Errorf(bus.KindBadMessage, "%q uses no file", req.Command)
	}
	if l.give == nil {
		return msg.FileNumber{}, nil
	}
	path := filepath.Clean(req.Path)
	if !filepath.IsAbs(req.Path) {
		path = filepath.Join(l.dir, req.Path)
	}
	info, err := os.Stat(path)
	pipe := err == nil && info.Mode()&fs.ModeNamedPipe != 0
	made := loan{caller: bus.CallerFrom(ctx).Instance}
	if use == rpc.MakeFile && !pipe {
		if err == nil {
			return msg.FileNumber{}, &fs.PathError{Op: "make", Path: path, Err: fs.ErrExist}
		}
		made.path, made.unfinished = path, path+".incomplete"
	}
	if use == rpc.ReplaceFile {
		path, pipe = filepath.Join(l.dir, poolfile.Name), false // whatever a caller may say
		made.path, made.unfinished = path, path+".new"
	}
	number, err := l.begin(ctx, made)
	if err != nil {
		return msg.FileNumber{}, err
	}
	f, err := made.open(ctx, path, use, pipe)
	if err != nil {
		l.forget(number)
		return msg.FileNumber{}, err
	}
	if err := errors.Join(l.give(nodeInstance, f, number), f.Close()); err != nil {
		return msg.FileNumber{}, errors.Join(err, l.end(number, false))
	}
	return msg.FileNumber{Number: number}, nil
}

// lendOwn hands the node a file of the chain's folder to make anew; 0 if it opens that
// itself. It is to end.
func (l *lender) lendOwn(ctx context.Context, name string) (uint64, error) {
	if l.give == nil {
		return 0, nil
	}
	path := filepath.Join(l.dir, name)
	own := loan{path: path, unfinished: path + ".new"}
	number, err := l.begin(ctx, own)
	if err != nil {
		return 0, err
	}
	f, err := own.open(ctx, path, rpc.ReplaceFile, false)
	if err != nil {
		l.forget(number)
		return 0, err
	}
	if err := errors.Join(l.give(nodeInstance, f, number), f.Close()); err != nil {
		return 0, errors.Join(err, l.end(number, false))
	}
	return number, nil
}

func (m loan) open(ctx context.Context, path string, use rpc.Use, pipe bool) (*os.File, error) {
	flags := map[rpc.Use]int{rpc.ReadFile: os.O_RDONLY, rpc.MakeFile: os.O_WRONLY, rpc.ReplaceFile: os.O_WRONLY}[use]
	switch {
	case pipe:
		return openPipe(ctx, path, flags)
	case m.unfinished != "":
		return os.OpenFile(m.unfinished, flags|os.O_CREATE|os.O_TRUNC, 0o600)
	}
	return os.OpenFile(path, flags, 0)
}

// openPipe opens an end of a pipe, which waits for the other.
func openPipe(ctx context.Context, path string, flags int) (*os.File, error) {
	type outcome struct {
		f   *os.File
		err error
	}
	opened := make(chan outcome, 1)
	go func() {
		f, err := os.OpenFile(path, flags, 0)
		opened <- outcome{f, err}
	}()
	select {
	case o := <-opened:
		return o.f, o.err
	case <-ctx.Done():
	}
	// Who opens both ends waits for nobody, and is the other for who does.
	both, err := os.OpenFile(path, os.O_RDWR|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, errors.Join(context.Cause(ctx), err) // the pipe is gone, and nobody can end that wait
	}
	defer both.Close()
	if o := <-opened; o.err == nil {
		o.f.Close()
	}
	return nil, context.Cause(ctx)
}

// begin notes a loan. Those of callers that are gone are over.
func (l *lender) begin(ctx context.Context, m loan) (uint64, error) {
	there := l.attached()
	if m.since = there[m.caller]; ctx.Err() != nil {
		return 0, context.Cause(ctx) // what is there now may be another
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for number, old := range l.lent {
		if since, ok := there[old.caller]; old.caller != "" && (!ok || !since.Equal(old.since)) {
			delete(l.lent, number)
			_ = old.end(false) // it is nobody's by now
		}
	}
	for _, other := range l.lent {
		if m.unfinished != "" && other.unfinished == m.unfinished {
			return 0, fmt.Errorf("%s is being written", m.path)
		}
	}
	if len(l.lent) >= maxLent {
		return 0, bus.Errorf(bus.KindOverloaded, "%d files are in use", len(l.lent))
	}
	l.last++
	l.lent[l.last] = m
	return l.last, nil
}

func (l *lender) forget(number uint64) (loan, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m, known := l.lent[number]
	delete(l.lent, number)
	return m, known
}

func (l *lender) end(number uint64, keep bool) error {
	m, _ := l.forget(number)
	return m.end(keep)
}

// end gives what was made its name, or removes it.
func (m loan) end(keep bool) error {
	switch {
	case m.unfinished == "":
		return nil
	case keep:
		return os.Rename(m.unfinished, m.path)
	}
	return os.Remove(m.unfinished)
}

// close serves msg.CloseFile.
func (l *lender) close(ctx context.Context, req msg.CloseFileRequest) (bus.None, error) {
	l.mu.Lock()
	m, known := l.lent[req.Number]
	l.mu.Unlock()
	if !known || m.caller != bus.CallerFrom(ctx).Instance {
		return bus.None{}, bus.Errorf(bus.KindBadMessage, "file %d was not lent", req.Number)
	}
	return bus.None{}, l.end(req.Number, req.Keep)
}
