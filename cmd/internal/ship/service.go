package ship

import (
	"context"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	noderpc "github.com/bulkheadnode/bulkhead/node/rpc"
)

// maxWorkers bounds how many worker processes the manager may ask for.
const maxWorkers = 1024

// maxStopWait bounds the hidden argument of stop, in milliseconds.
const maxStopWait = 60_000

// mux serves what parts ask of the supervisor.
func (s *ship) mux() *bus.Mux {
	mux := bus.NewMux()
	msg.SpawnWorker.Handle(mux, func(context.Context, bus.None) (msg.SpawnReply, error) {
		instance, err := s.spawnWorker()
		return msg.SpawnReply{Instance: instance}, err
	})
	msg.WorkerPlan.Handle(mux, s.workerPlan)
	msg.SetWorkerPlan.Handle(mux, s.setWorkerPlan)
	msg.KeepPeers.Handle(mux, s.parts.kept.keep)
	msg.RememberPeers.Handle(mux, s.parts.kept.remember)
	files := &peersFiles{dir: s.cfg.Layout.Net, tor: s.parts.tor.Address != ""}
	msg.SavePeersFile.Handle(mux, files.save)
	msg.ProveTor.Handle(mux, files.prove)
	s.serveWallets(mux)
	s.lender = s.newLender()
	msg.OpenFile.Handle(mux, s.lender.open)
	msg.CloseFile.Handle(mux, s.lender.close)
	msg.Readiness.Handle(mux, func(context.Context, bus.None) (msg.ReadinessReply, error) {
		return msg.ReadinessReply{Waiting: s.readiness.waiting()}, nil
	})
	msg.Compartments.Handle(mux, s.listCompartments)
	return mux
}

// table is the commands about the whole node.
func (s *ship) table() rpc.Table {
	return rpc.Table{
		{
			Name: "stop", Returns: "", Category: "Control",
			Summary: "Request a graceful shutdown of " + Name + ".",
			Params:  []rpc.Param{{Name: "wait", Type: rpc.Number, Hidden: true, Optional: true, Help: "how long to wait in ms"}},
			Result:  `"str"    (string) A string with the content '` + Name + ` stopping'`,
			Run:     s.stopCommand,
		},
		{
			Name: "uptime", Returns: int64(0), Category: "Control",
			Summary: "Returns the total uptime of the server.",
			Result:  "n    (numeric) The number of seconds that the server has been running",
			Run: func(context.Context, *rpc.Call) (any, error) {
				return int64(time.Since(s.started).Seconds()), nil
			},
		},
		s.compartmentsCommand(),
		noderpc.MockScheduler(func() string { return s.cfg.Layout.Chain.Name }, func(ctx context.Context, by time.Duration) error {
			s.fees.skip(ctx, by)
			return nil
		}),
	}
}

func (s *ship) stopCommand(ctx context.Context, call *rpc.Call) (any, error) {
	wait, err := call.Int(0, 0)
	if err != nil {
		return nil, err
	}
	if wait < 0 || wait > maxStopWait {
		return nil, rpc.Errorf(rpc.InvalidParameter, "wait must be between 0 and %d ms", maxStopWait)
	}
	s.stopWait.Store(int64(wait))
	s.halt(ctx)
	s.requestStop()
	return Name + " stopping", nil
}
