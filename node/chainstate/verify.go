package chainstate

import (
	"errors"
	"fmt"

	"github.com/bulkheadnode/bulkhead/node/chain"
)

// Verify looks through the last count blocks, all if count is zero, at a level
// of verifychain, and logs what it finds.
func (s *State) Verify(level, count int) (sound bool, err error) {
	log := s.o.log
	log.Info(fmt.Sprintf("Verifying last %d blocks at level %d", count, level))
	blocks, txs, err := s.Chain.Verify(level, count)
	var fault *chain.VerifyError
	switch {
	case errors.Is(err, chain.ErrVerifyPruned) && errors.As(err, &fault):
		log.Info(fmt.Sprintf("Block verification stopping at height %d (no data). This could be due to pruning.", fault.Block.Height))
	case errors.As(err, &fault):
		log.Error("Verification error: " + fault.Error())
	case err == nil:
		log.Info(fmt.Sprintf("Verification: No coin database inconsistencies in last %d blocks (%d transactions)", blocks, txs))
	}
	return err == nil, err
}
