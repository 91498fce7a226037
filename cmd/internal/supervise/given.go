package supervise

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"
)

const (
	// givenPatience is how long a file may be on its way after who asked for it.
	givenPatience = 10 * time.Second
	// claimPatience is how long a file waits for who uses it: a command that fails before
	// takes none.
	claimPatience = time.Minute
	// maxGiven is how many files may wait for those who use them.
	maxGiven = 16
)

// given are the files that the supervisor has opened for a process, until they are taken.
type given struct {
	mu      sync.Mutex
	files   map[uint64]*os.File
	order   []uint64
	arrived chan struct{} // closed when one arrives
}

func newGiven() *given { return &given{files: map[uint64]*os.File{}, arrived: make(chan struct{})} }

// put keeps a file; the oldest that nobody takes makes room for it.
func (g *given) put(name string, f *os.File) {
	number, err := strconv.ParseUint(name, 10, 64)
	if err != nil {
		f.Close()
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drop(number)
	g.files[number] = f
	if g.order = append(g.order, number); len(g.order) > maxGiven {
		g.drop(g.order[0])
		g.order = g.order[1:]
	}
	time.AfterFunc(claimPatience, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.files[number] == f {
			g.drop(number)
		}
	})
	close(g.arrived)
	g.arrived = make(chan struct{})
}

// drop closes a file, if it is there. The lock is held.
func (g *given) drop(number uint64) {
	if f := g.files[number]; f != nil {
		f.Close()
	}
	delete(g.files, number)
}

// take waits for a file, which is the caller's then.
func (g *given) take(ctx context.Context, number uint64) (*os.File, error) {
	ctx, cancel := context.WithTimeout(ctx, givenPatience)
	defer cancel()
	for {
		g.mu.Lock()
		f, arrived := g.files[number], g.arrived
		delete(g.files, number)
		g.mu.Unlock()
		if f != nil {
			return f, nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return nil, fmt.Errorf("file %d: %w", number, context.Cause(ctx))
		}
	}
}

// HandOver gives an open file to the process of a compartment, which finds it by its
// number.
func (s *Supervisor) HandOver(instance string, f *os.File, number uint64) error {
	s.mu.Lock()
	c := s.all[instance]
	s.mu.Unlock()
	if c == nil {
		return fmt.Errorf("%s is not running", instance)
	}
	c.mu.Lock()
	give := c.give
	c.mu.Unlock()
	if give == nil {
		return fmt.Errorf("%s is starting", instance)
	}
	return give(f, aFile, strconv.FormatUint(number, 10))
}
