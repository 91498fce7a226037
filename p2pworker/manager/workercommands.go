package manager

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

const (
	// perPeer is the plan of a worker for each connection.
	perPeer = "perpeer"
	// idlePool is how many workers wait for a connection then.
	idlePool = 2
	// maxWorkers is the largest number of workers that can be set.
	maxWorkers = 1024
	// planPatience bounds how long the supervisor may take to end workers.
	planPatience = 30 * time.Second
)

const setWorkersSummary = "Changes -p2pworkers, at once and until the node stops.\n" +
	"Connections of worker processes that end are made again, if they were not inbound. A process that has one connection lives as long as that."

func (m commands) workerCommands() rpc.Table {
	return rpc.Table{
		{Name: "setworkers", Category: "Network", Summary: setWorkersSummary,
			Params: []rpc.Param{
				{Name: "workers", Type: rpc.Any, Help: "\"perpeer\" for a process for each connection, or the number of processes that share all connections; 0 leaves them to workers on other machines"},
			},
			Result: "null", Run: m.setWorkers},
	}
}

func (m commands) setWorkers(ctx context.Context, call *rpc.Call) (any, error) {
	plan := msg.WorkerPlanBody{PerPeer: true}
	// A number may come as a string, as from a command line.
	if text := strings.Trim(string(call.Raw(0)), `"`); text != perPeer {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > maxWorkers {
			return nil, rpc.Errorf(rpc.InvalidParameter, "Error: workers is neither \"perpeer\" nor a number from 0 to %d", maxWorkers)
		}
		plan = msg.WorkerPlanBody{Count: n}
	}
	ctx, cancel := context.WithTimeout(ctx, planPatience)
	defer cancel()
	conn, err := m.link()
	if err == nil {
		_, err = msg.SetWorkerPlan.Call(ctx, conn, plan)
	}
	if err != nil {
		return nil, rpc.Errorf(rpc.MiscError, "Error: %v", err)
	}
	m.follow(plan)
	return nil, nil
}

// follow keeps workers for one connection each waiting if that is the plan; if not,
// those that have none are told to leave.
func (m *manager) follow(plan msg.WorkerPlanBody) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cfg.IdleWorkers, m.spare = 0, !plan.PerPeer
	if plan.PerPeer {
		m.cfg.IdleWorkers = idlePool
	}
	m.roster.SetShares(m.spare)
	m.dismiss()
	m.changed()
}

// dismiss tells workers for one connection that have none to leave, if they are not
// wanted: some may have been on their way when the plan changed. The mutex is held.
func (m *manager) dismiss() {
	if !m.spare {
		return
	}
	for _, name := range m.roster.Idle() {
		m.order(name, p2p.WorkerOrder{Leave: &p2p.LeaveOrder{}})
	}
}

// learnPlan asks for the plan, which may be another one than when the node started: the
// manager may have been started again. Without an answer the settings count.
func (m *manager) learnPlan(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, loadPatience)
	defer cancel()
	if plan, err := msg.WorkerPlan.Call(ctx, m.conn, bus.None{}); err == nil {
		m.follow(plan)
	}
}
