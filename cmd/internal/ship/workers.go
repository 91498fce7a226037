package ship

import (
	"context"
	"fmt"
	"slices"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
)

// spawnWorker starts one more worker, as the plan says, and returns its instance.
func (s *ship) spawnWorker() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.parts.workers.perPeer {
		return "", bus.Errorf("ship.fixed-workers", "the number of workers is fixed")
	}
	return s.addWorker()
}

// addWorker starts a worker. The mutex is held.
func (s *ship) addWorker() (string, error) {
	if s.ending {
		return "", bus.Errorf("ship.ending", "the node is shutting down")
	}
	if running := s.supervisor.Count(roles.Worker); running >= maxWorkers {
		return "", bus.Errorf(bus.KindOverloaded, "%d workers are running", running)
	}
	s.workers++
	spec := s.parts.worker(fmt.Sprintf("worker.%d", s.workers))
	return spec.Instance, s.supervisor.Start(spec)
}

// startShared starts the workers that share all connections, as many as are missing.
func (s *ship) startShared() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.shared) < s.parts.workers.count {
		instance, err := s.addWorker()
		if err != nil {
			return err
		}
		s.shared = append(s.shared, instance)
	}
	return nil
}

// setWorkerPlan serves msg.SetWorkerPlan. Shared workers that are too many are not started
// again when they end, which the manager has them do; a worker for one connection ends
// with that.
func (s *ship) setWorkerPlan(ctx context.Context, plan msg.WorkerPlanBody) (msg.WorkerPlanBody, error) {
	if plan.Count < 0 || plan.Count > maxWorkers || plan.PerPeer && plan.Count > 0 {
		return msg.WorkerPlanBody{}, bus.Errorf(bus.KindBadMessage, "%d workers", plan.Count)
	}
	s.mu.Lock()
	s.parts.workers = workerPlan{perPeer: plan.PerPeer, count: plan.Count}
	surplus := slices.Clone(s.shared[min(plan.Count, len(s.shared)):])
	s.shared = s.shared[:len(s.shared)-len(surplus)]
	s.mu.Unlock()
	s.supervisor.Retire(surplus)
	if err := s.startShared(); err != nil {
		return msg.WorkerPlanBody{}, err
	}
	return s.workerPlan(ctx, bus.None{})
}

// workerPlan serves msg.WorkerPlan.
func (s *ship) workerPlan(context.Context, bus.None) (msg.WorkerPlanBody, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return msg.WorkerPlanBody{PerPeer: s.parts.workers.perPeer, Count: s.parts.workers.count, Leaving: s.supervisor.Retired()}, nil
}
