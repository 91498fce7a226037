package manager

import (
	"context"
	"fmt"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
)

// spawnPatience is how long a worker that was asked for may take to register
// before another one is asked for in its place.
const spawnPatience = 10 * time.Second

// keepIdleWorkers keeps a pool of idle workers where each connection has its own.
func (m *manager) keepIdleWorkers(ctx context.Context) error {
	for {
		select {
		case <-m.wake:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		for m.wantsWorker() {
			if _, err := msg.SpawnWorker.Call(ctx, m.conn, bus.None{}); err != nil {
				m.net.Debug(fmt.Sprintf("no further worker: %v", err))
				m.mu.Lock()
				m.spawning--
				m.mu.Unlock()
				m.rest(ctx)
				break
			}
		}
	}
}

// rest waits before the next attempt after a refusal.
func (m *manager) rest(ctx context.Context) {
	timer := time.NewTimer(spawnPause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// spawnPause follows a refused request for a worker.
const spawnPause = time.Second

// wantsWorker reports whether to ask for one more, and counts it.
func (m *manager) wantsWorker() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cfg.IdleWorkers == 0 {
		return false
	}
	if m.spawning > 0 && time.Since(m.lastAsk) > spawnPatience {
		m.spawning = 0
	}
	most := m.roster.Most() + 2*m.cfg.IdleWorkers
	if m.roster.FreeWorkers()+m.spawning >= m.cfg.IdleWorkers+m.roster.WaitingDials() ||
		len(m.queues)+m.spawning >= most {
		return false
	}
	m.spawning++
	m.lastAsk = time.Now()
	return true
}
