package manager

import (
	"context"
	"slices"
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
	// planPatience bounds how long the supervisor may take to start workers.
	planPatience = 30 * time.Second
)

const setWorkersSummary = "Changes -p2pworkers, at once and until the node stops.\n" +
	"A process that is too many takes no more connections and ends with its last one. What it has connected to is connected to by others at once; what has connected to it stays. A process for one connection lives as long as that."

func (m commands) workerCommands() rpc.Table {
	return rpc.Table{
		{Name: "setworkers", Returns: leavingWorkers{}, Category: "Network", Summary: setWorkersSummary,
			Params: []rpc.Param{
				{Name: "workers", Type: rpc.Any, Word: rpc.Either, Help: "\"perpeer\" for a process for each connection, or the number of processes that share all connections; 0 leaves them to workers on other machines"},
			},
			Result: "{\"leaving\": n}    (json object) how many processes are to end with their last connection", Run: m.setWorkers},
	}
}

// leavingWorkers is the result of setworkers.
type leavingWorkers struct {
	Leaving int `json:"leaving"`
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
		plan, err = msg.SetWorkerPlan.Call(ctx, conn, plan)
	}
	if err != nil {
		return nil, rpc.Errorf(rpc.MiscError, "Error: %v", err)
	}
	m.follow(plan)
	return leavingWorkers{len(plan.Leaving)}, nil
}

// follow keeps workers for one connection each waiting if that is the plan; if not,
// those that have none are told to leave. So are workers that are too many, whatever they
// have.
func (m *manager) follow(plan msg.WorkerPlanBody) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cfg.IdleWorkers, m.spare = 0, !plan.PerPeer
	if plan.PerPeer {
		m.cfg.IdleWorkers = idlePool
	}
	m.roster.SetShares(m.spare)
	m.dismiss()
	m.leavers = plan.Leaving
	for _, name := range plan.Leaving {
		m.retire(name)
	}
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

// retire tells a worker to leave after its last connection, if it is one of those. The
// mutex is held.
func (m *manager) retire(name string) {
	if slices.Contains(m.leavers, name) {
		m.dispatch(m.roster.RetireWorker(name))
		m.order(name, p2p.WorkerOrder{Leave: &p2p.LeaveOrder{AfterLast: true}})
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
