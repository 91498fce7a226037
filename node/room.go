package node

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/internal/space"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// roomInterval is how often it is looked whether others fill the disk, while
// nothing is written here.
const roomInterval = 2 * time.Second

// roomError is the end for want of room on the disk, in Bitcoin Core's words.
type roomError struct{ cause error }

func (e *roomError) Error() string { return "Disk space is too low!" }

func (e *roomError) Unwrap() error { return e.cause }

// lacksRoom reports whether an error is about a full disk.
func lacksRoom(err error) bool { return errors.Is(err, space.ErrLow) || errors.Is(err, syscall.ENOSPC) }

// noRoom makes such an error one for the user, which ends the node for good.
func noRoom(err error) error {
	var known *roomError
	if errors.As(err, &known) {
		return err
	}
	return part.Final(&roomError{err})
}

// room fails if so many bytes, and what the databases may write besides, do
// not fit on the disk.
func (n *node) room(about int64) error {
	for _, db := range []*store.DB{n.index, n.sets.Coins()} {
		about += db.Backlog()
	}
	if err := space.Check(n.cfg.BlocksDir, about); err != nil {
		return err
	}
	return space.Check(n.cfg.Dir, about)
}

// errGone is the kind of the end of a node whose folders are gone.
var errGone = errors.New("the data directory is gone")

// there fails, for good, if the folders that the node writes to are gone, with
// their disk or without. A new start would begin a new chain in their place.
func (n *node) there() error {
	for _, dir := range []string{n.blocksDir(), n.indexDir()} {
		if _, err := os.Stat(dir); err != nil {
			return part.Final(fmt.Errorf("%w: %w", errGone, err))
		}
	}
	return nil
}

// end writes out and closes everything when the node has ended with err.
func (n *node) end(err error) error {
	if gone := n.there(); gone != nil {
		// The databases would try for ever to write what they have in memory.
		if errors.Is(err, errGone) {
			return err
		}
		return errors.Join(err, gone)
	}
	if !lacksRoom(err) {
		flushed := n.owner.Close()
		if lacksRoom(flushed) {
			flushed = n.fatal(flushed)
		}
		err = errors.Join(err, flushed)
	}
	if lacksRoom(err) {
		// Databases write when they are closed. Without that their files are
		// as a kill would leave them, from which nothing is lost.
		return errors.Join(err, n.blocks.Close())
	}
	return errors.Join(err, n.close())
}
