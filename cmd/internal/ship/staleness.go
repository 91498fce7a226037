package ship

import (
	"context"
	"fmt"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/broker"
)

const (
	staleEvery = 10 * time.Second
	// stale is how long a compartment may leave pings of its link unanswered
	// before that is told. It is not ended for it: an operator may have
	// stopped it to look into it.
	stale = 35 * time.Second
)

// staleness tells of compartments that are there but do not answer.
type staleness struct{ silent map[string]bool }

// report returns what is new since the last time.
func (st *staleness) report(links []broker.LinkStats) (lines []string) {
	now := map[string]bool{}
	for _, s := range links {
		switch {
		case s.Silence >= stale:
			now[s.Instance] = true
			if !st.silent[s.Instance] {
				lines = append(lines, fmt.Sprintf("%s has not answered for %d s; %d calls wait for it", s.Instance, int(s.Silence.Seconds()), s.Waiting))
			}
		case st.silent[s.Instance]:
			lines = append(lines, s.Instance+" answers again")
		}
	}
	st.silent = now
	return lines
}

// look looks for stale compartments until ctx ends.
func (s *ship) look(ctx context.Context) {
	ticker := time.NewTicker(staleEvery)
	defer ticker.Stop()
	var watched staleness
	for {
		select {
		case <-ticker.C:
			for _, line := range watched.report(s.broker.Stats()) {
				s.logger.Warn(line)
			}
		case <-ctx.Done():
			return
		}
	}
}
