package ship

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bulkheadnode/bulkhead/bus/broker"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rights"
	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
	"github.com/bulkheadnode/bulkhead/cmd/internal/supervise"
)

const (
	// lookEvery is how often the watchdog looks, unless it has to be quicker.
	lookEvery = 10 * time.Second
	// stale is how long a compartment may leave pings of its link unanswered
	// before that is told.
	stale = 35 * time.Second
	// defaultTimeout is when it is ended for it.
	defaultTimeout = 90 * time.Second
	// ample is the share of its memory at which a process is told of.
	ample = 0.9
	// brim is the share of its descriptors at which one is killed: it can open nothing
	// any more, nor close what it has forgotten.
	brim = 0.98
)

// watchdog finds compartments that are there and do not answer, or have grown
// beyond what their role may: it tells of them, and then condemns them. Whoever
// wants to stop one for long, to look into it, sets its time-out to 0.
type watchdog struct {
	timeout time.Duration         // 0 for never
	memory  map[rights.Role]int64 // bytes that a process of a role may have; any, if it is not there
	silent  map[string]bool       // those told of
	large   map[string]bool
	open    map[string]bool
	full    map[string]bool // those at the brim when it looked last
	// together: all compartments are in this process, whose descriptors nothing gives
	// back but its end.
	together bool
	looked   time.Time
}

// sentence is what is to become of a process.
type sentence struct {
	instance string
	role     rights.Role
	pid      int
	why      string
}

// judge returns what is new since the last time, and who is to be killed.
func (w *watchdog) judge(links []broker.LinkStats, processes []supervise.Status) (news []msg.CompartmentEvent, condemned []sentence) {
	pids := map[string]int{} // of those that have spoken: one may load for long
	for _, p := range processes {
		if p.OnBus {
			pids[p.Instance] = p.PID
		}
	}
	silent := map[string]bool{}
	for _, s := range links {
		pid := pids[s.Instance]
		tell := func(what, text string) {
			news = append(news, msg.CompartmentEvent{Instance: s.Instance, Role: string(s.Role), PID: pid, What: what, Text: text})
		}
		switch {
		case w.timeout > 0 && s.Silence >= w.timeout && pid > 0:
			condemned = append(condemned, sentence{s.Instance, s.Role, pid, fmt.Sprintf("has not answered for %d s (-compartmenttimeout)", int(s.Silence.Seconds()))})
		case s.Silence >= min(stale, w.warning()):
			silent[s.Instance] = true
			if !w.silent[s.Instance] {
				tell(msg.CompartmentSilent, fmt.Sprintf("%s has not answered for %d s; %d calls wait for it", s.Instance, int(s.Silence.Seconds()), s.Waiting))
			}
		case w.silent[s.Instance]:
			tell(msg.CompartmentAnswers, s.Instance+" answers again")
		}
	}
	more, tooLarge := w.weigh(processes)
	w.silent = silent
	full, tooOpen := w.count(processes)
	return append(append(news, more...), full...), append(append(condemned, tooLarge...), tooOpen...)
}

// warning is how long before its time-out a silent compartment is told of.
func (w *watchdog) warning() time.Duration {
	if w.timeout == 0 {
		return stale
	}
	return w.timeout / 2
}

// weigh holds the memory of processes against what they may have: without that of
// files, which is the kernel's to take back.
func (w *watchdog) weigh(processes []supervise.Status) (news []msg.CompartmentEvent, condemned []sentence) {
	large := map[string]bool{}
	for _, p := range processes {
		limit, own := w.memory[p.Role], p.RSS-p.Shared
		switch {
		case limit == 0 || p.PID == 0:
		case own > limit:
			condemned = append(condemned, sentence{p.Instance, p.Role, p.PID, fmt.Sprintf("has %d MB of memory, and may have %d (-compartmentmaxmemory)", own>>20, limit>>20)})
		case float64(own) > ample*float64(limit):
			large[p.Instance] = true
			if !w.large[p.Instance] {
				text := fmt.Sprintf("%s has %d MB of memory, and is killed at %d (-compartmentmaxmemory)", p.Instance, own>>20, limit>>20)
				news = append(news, msg.CompartmentEvent{Instance: p.Instance, Role: string(p.Role), PID: p.PID, What: msg.CompartmentTooLarge, Text: text})
			}
		}
	}
	w.large = large
	return news, condemned
}

// count holds the descriptors of processes against what they may have.
func (w *watchdog) count(processes []supervise.Status) (news []msg.CompartmentEvent, condemned []sentence) {
	open, full := map[string]bool{}, map[string]bool{}
	for _, p := range processes {
		if w.together {
			break
		}
		share := float64(p.Open) / float64(max(p.Limit, 1))
		switch {
		case p.Limit == 0 || p.PID == 0:
		case share >= brim && w.full[p.Instance]: // it does not pass
			condemned = append(condemned, sentence{p.Instance, p.Role, p.PID, fmt.Sprintf("has %d of %d descriptors", p.Open, p.Limit)})
		case share > ample:
			open[p.Instance], full[p.Instance] = true, share >= brim
			if !w.open[p.Instance] {
				text := fmt.Sprintf("%s has %d of %d descriptors, and is killed at %.0f", p.Instance, p.Open, p.Limit, brim*float64(p.Limit))
				news = append(news, msg.CompartmentEvent{Instance: p.Instance, Role: string(p.Role), PID: p.PID, What: msg.CompartmentTooOpen, Text: text})
			}
		}
	}
	w.open, w.full = open, full
	return news, condemned
}

// every is how often to look, so that a sentence is at most a quarter late.
func (w *watchdog) every() time.Duration {
	if w.timeout > 0 {
		return min(lookEvery, max(w.timeout/4, time.Second/4))
	}
	return lookEvery
}

// Silence after which the broker pings. Calls wait for most compartments, and are
// given up when one is silent; workers are many, and nobody waits for them.
const (
	heartbeat       = 10 * time.Second
	workerHeartbeat = 25 * time.Second
)

// heartbeat is the silence after which the broker pings a compartment: one that is
// well never comes near its time-out.
func (w *watchdog) heartbeat(role rights.Role) time.Duration {
	beat := heartbeat
	if role == roles.Worker {
		beat = workerHeartbeat
	}
	if w.timeout > 0 {
		beat = min(beat, max(w.timeout/4, time.Second/4))
	}
	return beat
}

// newWatchdog reads -compartmenttimeout and -compartmentmaxmemory.
func newWatchdog(s *config.Settings) (*watchdog, error) {
	seconds := s.Int("compartmenttimeout", int64(defaultTimeout/time.Second))
	if seconds < 0 || seconds > 1<<31 {
		return nil, config.Complain("-compartmenttimeout=%d is not a number of seconds", seconds)
	}
	w := &watchdog{together: !s.Bool("multiprocess", true), timeout: time.Duration(seconds) * time.Second, memory: map[rights.Role]int64{}}
	for _, text := range s.List("compartmentmaxmemory") {
		role, amount, _ := strings.Cut(text, ":")
		mb, err := strconv.ParseUint(amount, 10, 31)
		if err != nil || !watched(rights.Role(role)) {
			return nil, config.Complain("-compartmentmaxmemory=%s is not <role>:<MB>, with one of the roles node, peers, worker, dialler, wallet, notify and gateway", text)
		}
		w.memory[rights.Role(role)] = int64(mb) << 20
	}
	return w, nil
}

func watched(role rights.Role) bool {
	switch role {
	case roles.Node, roles.Peers, roles.Worker, roles.Dialler, roles.Wallet, roles.Notify, roles.Gateway:
		return true
	}
	return false
}

// awake notes that the watchdog looks, and reports whether it has done so all the
// time. If this process was stopped, or frozen with all others, nobody was pinged
// meanwhile, and what has come since is not read yet: silence says nothing.
func (w *watchdog) awake(now time.Time) bool {
	stood := !w.looked.IsZero() && now.Sub(w.looked) > 2*w.every()
	w.looked = now
	return !stood
}

// look has the watchdog look at the compartments until ctx ends.
func (s *ship) look(ctx context.Context) {
	ticker := time.NewTicker(s.watchdog.every())
	defer ticker.Stop()
	s.watchdog.awake(time.Now())
	for {
		select {
		case <-ticker.C:
			if s.watchdog.awake(time.Now()) {
				s.judge()
			} else {
				ticker.Reset(s.watchdog.every()) // its next tick may be near
			}
		case <-ctx.Done():
			return
		}
	}
}

// judge tells what the watchdog sees, and does what it says.
func (s *ship) judge() {
	news, condemned := s.watchdog.judge(s.broker.Stats(), s.supervisor.Status())
	for _, c := range condemned {
		if s.supervisor.Kill(c.instance, c.pid) {
			text := fmt.Sprintf("%s (pid %d) %s: killed", c.instance, c.pid, c.why)
			news = append(news, msg.CompartmentEvent{Instance: c.instance, Role: string(c.role), PID: c.pid, What: msg.CompartmentKilled, Text: text})
		}
	}
	for _, e := range news {
		s.logger.Warn(e.Text)
		s.tell(e)
	}
}

// ended tells the bus of the end of a process.
func (s *ship) ended(c supervise.Status, line string) {
	s.tell(msg.CompartmentEvent{Instance: c.Instance, Role: string(c.Role), PID: c.PID, What: msg.CompartmentEnded, Text: line})
}

// tell publishes what is logged already. The broker is in this process: if it takes no
// event for so long, it is ending.
func (s *ship) tell(e msg.CompartmentEvent) {
	conn := s.conn.Load()
	if conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := msg.CompartmentTold.Publish(ctx, conn, e); err != nil {
		s.logger.Debug(fmt.Sprintf("%s is not told of: %v", e.Instance, err))
	}
}
