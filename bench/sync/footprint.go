package main

import (
	"fmt"
	"time"

	"github.com/bulkheadnode/bulkhead/bench/internal/proc"
)

// footprint is what processes have used since they started.
type footprint struct {
	cpu      time.Duration // user and system, of ended children too
	nodePeak uint64        // bytes resident at most, of the one with the chain
	allPeak  uint64        // the sum of everyone's peak
}

// footprintOf measures a node's processes, of which root is the first.
func footprintOf(root int) (footprint, error) {
	members, err := proc.Family(root)
	if err != nil {
		return footprint{}, err
	}
	if _, alive := members[root]; !alive {
		return footprint{}, fmt.Errorf("process %d is gone", root)
	}
	var f footprint
	for pid, s := range members {
		f.cpu += s.CPU
		peak, err := proc.PeakResident(pid)
		if err != nil {
			return f, err
		}
		f.allPeak += peak
		if len(members) == 1 || proc.Title(pid) == "bulkhead: node" {
			f.nodePeak = peak
		}
	}
	if f.nodePeak == 0 {
		return f, fmt.Errorf("none of the %d processes is the node", len(members))
	}
	return f, nil
}
