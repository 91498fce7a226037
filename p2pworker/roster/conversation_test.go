package roster

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// script is a roster in a recorded conversation with workers and the clock.
type script struct {
	*datadriven.TestData
	t      *testing.T
	roster *Roster
	now    time.Time
	out    strings.Builder
}

// TestConversations runs the recorded conversations of a roster. go test -rewrite
// records them anew.
//
//	roster [total=N] [full-relay=N] [block-relay=N] [manual=N]
//	worker NAME [capacity=N] [has=(PEER KIND NAME, ...)]     worker-gone NAME
//	retire NAME
//	addnode TARGET      removenode TARGET      dial TARGET KIND
//	opened DIAL REMOTE [worker=NAME]           failed DIAL [busy] [worker=NAME]
//	accepted WORKER REMOTE [noban]
//	ready PEER ping=DURATION      closed PEER      disconnect PEER
//	inactive            active                 after DURATION        wanted
func TestConversations(t *testing.T) {
	datadriven.Walk(t, "testdata/conversations", func(t *testing.T, path string) {
		s := &script{now: start()}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.t, s.TestData = t, d
			s.out.Reset()
			s.run()
			return s.out.String()
		})
	})
}

func (s *script) run() {
	switch s.Cmd {
	case "roster":
		l := DefaultLimits()
		s.roster = New(Limits{Total: s.number("total", l.Total), FullRelay: s.number("full-relay", l.FullRelay),
			BlockRelay: s.number("block-relay", l.BlockRelay), Manual: s.number("manual", l.Manual), DialTime: l.DialTime})
	case "worker":
		s.orders(s.roster.AddWorker(s.word(0), s.number("capacity", 0), s.open()))
	case "worker-gone":
		lost, orders := s.roster.RemoveWorker(s.now, s.word(0))
		for _, p := range lost {
			s.say("lost peer %d (%s)", p.ID, p.Name)
		}
		s.orders(orders)
	case "retire":
		s.orders(s.roster.RetireWorker(s.word(0)))
	case "addnode":
		s.reports(s.roster.AddTarget(s.word(0), s.HasArg("v2")), "configured already")
	case "removenode":
		s.reports(s.roster.RemoveTarget(s.word(0)), "not configured")
	case "after":
		d, err := time.ParseDuration(s.word(0))
		require.NoError(s.t, err, s.Pos)
		s.now = s.now.Add(d)
		s.orders(s.roster.Tick(s.now))
	case "active", "inactive":
		s.orders(s.roster.SetActive(s.Cmd == "active"))
	case "wanted":
		s.say("full-relay %d, block-relay %d, feeler %d; inbound room %d; idle workers %d, dials that wait %d",
			s.roster.Wanted(p2p.FullRelay), s.roster.Wanted(p2p.BlockRelayOnly), s.roster.Wanted(p2p.Feeler),
			s.roster.FreeInbound(), s.roster.FreeWorkers(), s.roster.WaitingDials())
	default:
		s.connection()
	}
}

// connection runs the commands about a single connection.
func (s *script) connection() {
	switch s.Cmd {
	case "dial":
		_, orders, ok := s.roster.Dial(s.word(0), p2p.ConnectionType(s.word(1)), s.HasArg("v2"))
		s.orders(orders)
		s.reports(ok, "not dialled")
	case "failed":
		id := uint64(s.integer(s.word(0)))
		orders, ok := s.roster.DialFailed(s.now, s.dialler(id), id, s.HasArg("busy"))
		s.orders(orders)
		s.reports(ok, "not its dial")
	case "opened":
		id := uint64(s.integer(s.word(0)))
		s.opened(Opened{Worker: s.dialler(id), Dial: id, Remote: p2p.ParseEndpoint(s.word(1))})
	case "accepted":
		s.opened(Opened{Worker: s.word(0), Remote: p2p.ParseEndpoint(s.word(1)), NoBan: s.HasArg("noban")})
	case "ready":
		ping, err := time.ParseDuration(s.list("ping")[0])
		require.NoError(s.t, err, s.Pos)
		s.roster.SetReady(s.integer(s.word(0)))
		s.roster.SetMerits(s.integer(s.word(0)), Merits{LowestPing: ping})
	case "closed":
		_, orders, ok := s.roster.Close(s.now, s.integer(s.word(0)))
		s.orders(orders)
		s.reports(ok, "no such peer")
	case "refused-v2":
		p, orders, ok := s.roster.Downgrade(s.integer(s.word(0)))
		if ok {
			s.say("peer %d is gone", p.ID)
		}
		s.orders(orders)
		s.reports(ok, "to be closed")
	case "disconnect":
		id := s.integer(s.word(0))
		orders, n := s.roster.DisconnectIf(p2p.EndedByUser, "disconnect by id", func(p Peer) bool { return p.ID == id })
		s.orders(orders)
		s.reports(n > 0, "no such peer")
	default:
		s.t.Fatalf("%s: unknown command %q", s.Pos, s.Cmd)
	}
}

// dialler is the worker that speaks of a dial: the one named, or the one that
// has it.
func (s *script) dialler(id uint64) string {
	if w := s.list("worker"); len(w) > 0 {
		return w[0]
	}
	if d := s.roster.dials[id]; d != nil {
		return d.worker
	}
	return "nobody"
}

func (s *script) opened(o Opened) {
	p, orders, refusal := s.roster.Open(s.now, o)
	s.orders(orders)
	if refusal != "" {
		s.say("refused: %s", refusal)
		return
	}
	s.say("peer %d is %s %s of %s", p.ID, p.Kind, p.Name, p.Worker)
}

func (s *script) open() (open []Peer) {
	for _, text := range s.list("has") {
		f := strings.Fields(text)
		require.Len(s.t, f, 3, s.Pos)
		open = append(open, Peer{ID: s.integer(f[0]), Kind: p2p.ConnectionType(f[1]), Name: f[2], Remote: from(int(s.integer(f[0])))})
	}
	return open
}

func (s *script) orders(orders []Order) {
	for _, o := range orders {
		switch {
		case o.Dial != nil:
			v2 := ""
			if o.Dial.V2 {
				v2 = ", v2"
			}
			s.say("%s: dial %d to %s, %s%s", o.Worker, o.Dial.ID, o.Dial.Target, o.Dial.Kind, v2)
		case o.Disconnect != nil:
			s.say("%s: disconnect peer %d: %s", o.Worker, o.Disconnect.Peer, o.Disconnect.Reason)
		default:
			s.t.Fatalf("%s: unknown order %+v", s.Pos, o)
		}
	}
}

func (s *script) reports(ok bool, otherwise string) {
	if !ok {
		s.say("%s", otherwise)
	}
}

func (s *script) say(format string, args ...any) { fmt.Fprintf(&s.out, format+"\n", args...) }

func (s *script) word(n int) string {
	require.Greater(s.t, len(s.CmdArgs), n, "%s: too few words", s.Pos)
	return s.CmdArgs[n].Key
}

func (s *script) list(key string) []string {
	for _, arg := range s.CmdArgs {
		if arg.Key == key {
			return arg.Vals
		}
	}
	return nil
}

func (s *script) number(key string, otherwise int) int {
	if vals := s.list(key); len(vals) > 0 {
		return int(s.integer(vals[0]))
	}
	return otherwise
}

func (s *script) integer(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	require.NoError(s.t, err, s.Pos)
	return n
}
