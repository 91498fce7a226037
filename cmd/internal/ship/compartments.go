package ship

import (
	"context"
	"time"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/broker"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
	"github.com/bulkheadnode/bulkhead/cmd/internal/supervise"
)

// compartment is one entry of getcompartments. In and out are as the
// compartment sees it.
type compartment struct {
	Instance      string             `json:"instance"`
	Role          string             `json:"role"`
	PID           int                `json:"pid"`
	Started       int64              `json:"started"`
	Restarts      int                `json:"restarts"`
	Kills         int                `json:"kills"`
	RSS           int64              `json:"rss"`
	Filters       int                `json:"seccomp_filters"`
	Sandbox       string             `json:"sandbox"`
	MessagesIn    uint64             `json:"messages_in"`
	MessagesOut   uint64             `json:"messages_out"`
	BytesIn       uint64             `json:"bytes_in"`
	BytesOut      uint64             `json:"bytes_out"`
	Calls         uint64             `json:"calls"`
	Served        uint64             `json:"served"`
	Waiting       int                `json:"waiting"`
	QueueMessages int                `json:"queue_messages"`
	QueueBytes    int                `json:"queue_bytes"`
	SilentMillis  int64              `json:"silent_ms"`
	Drops         uint64             `json:"drops"`
	Denials       uint64             `json:"denials"`
	Refusals      uint64             `json:"refusals"`
	Latency       map[string]latency `json:"latency"`
}

func (s *ship) compartmentsCommand() rpc.Command {
	return rpc.Command{
		Name: "getcompartments", Returns: []compartment{}, Category: "Control",
		Summary: "Lists the compartments of this node, and the parts on other machines that are attached to it (pid 0), with what has passed over their links to the broker.\n\n" +
			"latency holds the methods that the compartment offers and that were called, since the node began; a method that several offer has one set of figures, which each of them shows. Times are in microseconds, as measured by the broker. The histogram's keys are exclusive upper bounds, its values the calls below that bound and not below half of it; percentiles are such bounds too, and null beyond the last. Calls that were refused, or that nobody waited for any more, count as taking no time.",
		Result: `[{"instance": "str", "role": "str", "pid": n, "started": n, "restarts": n, "kills": n (by the watchdog), "rss": n (bytes), "seccomp_filters": n (in force for the process, as the kernel says; 0 is no sandbox), "sandbox": "str" (what the process told when it began; off if it is in none, empty if it is none of this node), "messages_in": n, "messages_out": n, "bytes_in": n, "bytes_out": n, "calls": n (made by it), "served": n (routed to it), "waiting": n (of those, not answered yet), "queue_messages": n, "queue_bytes": n, "silent_ms": n (since it last sent anything), "drops": n, "denials": n, "refusals": n (messages beyond the rates of its role), "latency": {"method": {"calls": n, "errors": n, "mean_us": n, "p50_us": n, "p99_us": n, "histogram": {"bound": n, ...}}, ...}}, ...]`,
		Run:    func(ctx context.Context, _ *rpc.Call) (any, error) { return s.compartments(ctx) },
	}
}

// compartments joins what the supervisor knows of processes with what the
// broker knows of links.
func (s *ship) compartments(ctx context.Context) ([]compartment, error) {
	before := s.statuses()
	links := s.broker.Stats()
	latencies, err := s.latencies(ctx)
	if err != nil {
		return nil, err
	}
	byInstance := map[string]broker.LinkStats{}
	for _, l := range links {
		byInstance[l.Instance] = l
	}
	own := map[string]bool{}
	list := []compartment{}
	for _, c := range before {
		own[c.Instance] = true
		list = append(list, describe(c, byInstance[c.Instance], latencies[c.Instance]))
	}
	// A link without a process is one from outside, or one whose process has
	// started or ended since the processes were listed.
	for _, c := range s.statuses() {
		own[c.Instance] = true
	}
	for _, l := range links {
		if !own[l.Instance] {
			c := supervise.Status{Role: l.Role, Instance: l.Instance, Started: l.Since}
			list = append(list, describe(c, l, latencies[l.Instance]))
		}
	}
	return list, nil
}

func describe(c supervise.Status, l broker.LinkStats, methods map[string]latency) compartment {
	if methods == nil {
		methods = map[string]latency{}
	}
	return compartment{
		Instance: c.Instance, Role: string(c.Role), PID: c.PID, Started: unixOrZero(c.Started),
		Restarts: c.Restarts, Kills: c.Kills, RSS: c.RSS, Filters: c.Filters, Sandbox: c.Sandbox,
		MessagesIn: l.MessagesOut, MessagesOut: l.MessagesIn, BytesIn: l.BytesOut, BytesOut: l.BytesIn,
		Calls: l.Calls, Served: l.Served, Waiting: l.Waiting,
		QueueMessages: l.QueueMessages, QueueBytes: l.QueueBytes, SilentMillis: l.Silence.Milliseconds(),
		Drops: l.Drops, Denials: l.Denials, Refusals: l.Refusals, Latency: methods,
	}
}

// listCompartments serves msg.Compartments.
func (s *ship) listCompartments(context.Context, bus.None) (msg.CompartmentsReply, error) {
	var reply msg.CompartmentsReply
	for _, c := range s.statuses() {
		reply.Compartments = append(reply.Compartments, msg.Compartment{
			Instance: c.Instance, Role: string(c.Role), PID: c.PID,
			Started: unixOrZero(c.Started), Restarts: c.Restarts, Resident: c.RSS, CPUMicros: c.CPU.Microseconds(),
		})
	}
	return reply, nil
}

// statuses are all processes, the ship's own first.
func (s *ship) statuses() []supervise.Status {
	return append([]supervise.Status{s.self()}, s.supervisor.Status()...)
}

func unixOrZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
