package node

import (
	"errors"
	"io"

	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/internal/wording"
	"github.com/bulkheadnode/bulkhead/node/blockfile"
	"github.com/bulkheadnode/bulkhead/node/chain"
	"github.com/bulkheadnode/bulkhead/node/coins"
	"github.com/bulkheadnode/bulkhead/node/index"
	"github.com/bulkheadnode/bulkhead/node/store"
)

// wayOut tells what helps against damaged files.
const wayOut = "Please restart with -reindex or -reindex-chainstate to recover."

// ErrDamaged is the kind of errors about files that are not as they were
// written, whose texts tell the way out.
var ErrDamaged = errors.New("damaged files")

// damageError is an error about files in the words for users.
type damageError struct {
	text  string
	cause error
}

func (e *damageError) Error() string { return e.text }

// Unwrap returns ErrDamaged and the cause.
func (e *damageError) Unwrap() []error { return []error{ErrDamaged, e.cause} }

// isDamage tells whether an error is about what is on disk not being what was
// written there.
func isDamage(err error) bool {
	var record *blockfile.RecordError
	for _, kind := range []error{store.ErrCorrupt, chain.ErrIndex, chain.ErrFuture, chain.ErrVerify, chain.ErrUndo, chain.ErrDamaged, chain.ErrPrunedFork, coins.ErrCorrupt, index.ErrCorrupt, blockfile.ErrMisfit} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return errors.As(err, &record) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

// fatal logs an error after which the node cannot go on. Where a new start
// would not help, that is not tried.
func (n *node) fatal(err error) error {
	if lacksRoom(err) {
		n.log.Error(err.Error())
		err = noRoom(err)
		n.log.Error(err.Error())
		return err
	}
	text := "A fatal internal error occurred, see debug.log for details: %w"
	if isDamage(err) {
		text += ". " + wayOut
	}
	final := isDamage(err)
	err = wording.Errorf(text, err)
	n.log.Error(err.Error())
	if final {
		return part.Final(err)
	}
	return err
}
