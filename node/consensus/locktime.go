package consensus

import (
	"fmt"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// IsFinal reports whether a transaction may be in a block at height with the
// given time, Unix seconds.
func IsFinal(tx *Tx, height int32, time int64) bool {
	if tx.LockTime == 0 {
		return true
	}
	limit := time
	if tx.LockTime < txscript.LockTimeThreshold {
		limit = int64(height)
	}
	if int64(tx.LockTime) < limit {
		return true
	}
	for _, in := range tx.TxIn {
		if in.Sequence != wire.MaxTxInSequenceNum {
			return false
		}
	}
	return true
}

// Locks are the last height and the last median time at which a transaction
// is not yet valid; -1 for no such limit (BIP68).
type Locks struct {
	Height int32
	Time   int64
}

// SequenceLocks computes a transaction's relative lock times. heights are
// those of the coins it spends; medianTime returns the median time past of the
// block at a height of the branch in question.
func SequenceLocks(tx *Tx, heights []int32, medianTime func(height int32) int64) Locks {
	locks := Locks{-1, -1}
	if uint32(tx.Version) < 2 {
		return locks
	}
	for i, in := range tx.TxIn {
		if in.Sequence&wire.SequenceLockTimeDisabled != 0 {
			continue
		}
		span := int64(in.Sequence & wire.SequenceLockTimeMask)
		if in.Sequence&wire.SequenceLockTimeIsSeconds != 0 {
			from := medianTime(max(heights[i]-1, 0))
			locks.Time = max(locks.Time, from+span<<wire.SequenceLockTimeGranularity-1)
		} else {
			locks.Height = max(locks.Height, heights[i]+int32(span)-1)
		}
	}
	return locks
}

// Passed reports whether a block at height, whose parent has the given median
// time past, is beyond the locks.
func (l Locks) Passed(height int32, parentMedianTime int64) bool {
	return l.Height < height && l.Time < parentMedianTime
}

// amount formats satoshi as bitcoins.
func amount(sat int64) string {
	sign := ""
	if sat < 0 {
		sign, sat = "-", -sat
	}
	return fmt.Sprintf("%s%d.%08d", sign, sat/Coin, sat%Coin)
}
