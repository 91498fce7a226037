package node

import (
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/internal/wording"
)

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
