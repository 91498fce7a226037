package ship

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rights"
	"github.com/bulkheadnode/bulkhead/cmd/internal/supervise"
	"github.com/bulkheadnode/bulkhead/node"
	"github.com/bulkheadnode/bulkhead/node/poolfile"
)

// halt is the first thing of every stop: from when it returns nothing is
// committed any more, whatever the other compartments still do while they end
// one after the other. A node that does not answer is told to end at once.
func (s *ship) halt(ctx context.Context) {
	s.supervisor.End()
	s.supervisor.Resume(func(supervise.Status) bool { return true })
	ctx, cancel := context.WithTimeout(ctx, haltPatience)
	defer cancel()
	if _, err := msg.Halt.Call(ctx, s.conn.Load(), bus.None{}); err != nil {
		s.logger.Debug(fmt.Sprintf("The node was not halted: %v", err))
		s.supervisor.Terminate(func(c supervise.Status) bool { return c.Role == roles.Node })
	}
}

// linger waits as long as the stop command's argument says.
func (s *ship) linger(ctx context.Context) {
	timer := time.NewTimer(time.Duration(s.stopWait.Load()) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// saveMempool has the node write its mempool, which does not change any more, and reports
// whether it is in mempool.dat.
func (s *ship) saveMempool() bool {
	ctx, cancel := context.WithTimeout(context.Background(), savePatience)
	defer cancel()
	number, err := s.lender.lendOwn(ctx, poolfile.Name)
	if err == nil {
		_, err = msg.SaveMempool.Call(ctx, s.conn.Load(), msg.FileNumber{Number: number})
		err = errors.Join(err, s.lender.end(number, err == nil))
	}
	if err != nil {
		s.logger.Info(fmt.Sprintf("Failed to dump mempool: %v. Continuing anyway.", err))
	}
	return err == nil
}

func (s *ship) requestStop() { s.stopOnce.Do(func() { close(s.stop) }) }

// savePatience is how long the node may take to write its mempool.
const savePatience = 5 * time.Minute

// lostPatience is how long compartments may take to end when the data directory
// is gone: they have nowhere to write to.
const lostPatience = 2 * time.Second

// stopAll ends the compartments in order. It fails if the data directory is
// gone.
func (s *ship) stopAll() error {
	s.mu.Lock()
	s.ending = true
	s.mu.Unlock()
	s.supervisor.End()
	s.logger.Info("Shutdown: In progress...")
	lost := stillThere(s.locks)
	limit := time.Duration(0)
	if lost != nil {
		limit = lostPatience
	}
	s.stopRoles(limit, roles.Gateway)
	s.outside.close()
	for _, roles := range [][]rights.Role{{roles.Worker}, {roles.Dialler}, {roles.Peers, roles.Wallet}} {
		s.stopRoles(limit, roles...)
	}
	saved := lost == nil && s.parts.node.PersistMempool && s.saveMempool()
	if lost == nil {
		s.fees.last()
	}
	s.stopRoles(limit, roles.Node)
	if saved {
		if err := node.MempoolSaved(s.parts.node); err != nil {
			s.logger.Warn(err.Error())
		}
	}
	s.stopRoles(limit, roles.Notify)
	if lost == nil {
		node.Tidy(s.parts.node)
	}
	return lost
}

func (s *ship) stopRoles(limit time.Duration, roles ...rights.Role) {
	s.supervisor.StopWithin(limit, func(c supervise.Status) bool { return slices.Contains(roles, c.Role) })
}
