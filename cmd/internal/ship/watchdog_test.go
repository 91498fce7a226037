package ship

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/broker"
	"github.com/bulkheadnode/bulkhead/bus/link"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rights"
	"github.com/bulkheadnode/bulkhead/cmd/internal/supervise"
)

func silent(silence time.Duration) []broker.LinkStats {
	return []broker.LinkStats{
		{Identity: broker.Identity{Instance: "node", Role: roles.Node}, Stats: link.Stats{Silence: silence}, Waiting: 3},
		{Identity: broker.Identity{Instance: "peers"}},
	}
}

func TestSilenceIsToldOnceAndItsEndToo(t *testing.T) {
	var w watchdog
	told := func(links []broker.LinkStats) []string {
		news, condemned := w.judge(links, nil)
		require.Empty(t, condemned)
		var lines []string
		for _, e := range news {
			require.Equal(t, "node", e.Instance)
			lines = append(lines, e.What+": "+e.Text)
		}
		return lines
	}
	require.Empty(t, told(silent(11*time.Second)), "a ping has just been sent")
	require.Equal(t, []string{"silent: node has not answered for 40 s; 3 calls wait for it"}, told(silent(40*time.Second)))
	require.Empty(t, told(silent(50*time.Second)))
	require.Equal(t, []string{"answers: node answers again"}, told(silent(0)))
	require.Empty(t, told(silent(0)))
	require.Len(t, told(silent(stale)), 1)
	require.Empty(t, told(nil), "one that is gone is told of elsewhere")
}

func TestSilenceIsEnded(t *testing.T) {
	w := watchdog{timeout: time.Minute}
	processes := []supervise.Status{{Instance: "node", PID: 7, OnBus: true}}
	lines, condemned := w.judge(silent(31*time.Second), processes)
	require.Len(t, lines, 1, "half of its time is over")
	require.Empty(t, condemned)
	lines, condemned = w.judge(silent(61*time.Second), processes)
	require.Empty(t, lines)
	require.Equal(t, []sentence{{"node", roles.Node, 7, "has not answered for 61 s (-compartmenttimeout)"}}, condemned)

	processes[0].OnBus = false
	_, condemned = w.judge(silent(time.Hour), processes)
	require.Empty(t, condemned, "it loads its data")
	_, condemned = w.judge(silent(time.Hour), nil)
	require.Empty(t, condemned, "it is on another machine")
	w.timeout = 0
	processes[0].OnBus = true
	_, condemned = w.judge(silent(time.Hour), processes)
	require.Empty(t, condemned, "somebody looks into it")
}

func TestAProcessThatGrowsIsToldOfAndEnded(t *testing.T) {
	w := watchdog{memory: map[rights.Role]int64{roles.Worker: 100 << 20}}
	judge := func(role rights.Role, mb int64) ([]msg.CompartmentEvent, []sentence) {
		return w.judge(nil, []supervise.Status{{Instance: "x", Role: role, PID: 7, RSS: mb << 20}})
	}
	for _, c := range []struct {
		role             rights.Role
		mb               int64
		lines, condemned int
	}{
		{roles.Worker, 90, 0, 0}, {roles.Worker, 91, 1, 0}, {roles.Worker, 99, 0, 0}, {roles.Worker, 50, 0, 0},
		{roles.Worker, 95, 1, 0}, {roles.Worker, 101, 0, 1}, {roles.Node, 10_000, 0, 0},
	} {
		lines, condemned := judge(c.role, c.mb)
		require.Len(t, lines, c.lines, c)
		require.Len(t, condemned, c.condemned, c)
	}
	_, condemned := judge(roles.Worker, 101)
	require.Equal(t, []sentence{{"x", roles.Worker, 7, "has 101 MB of memory, and may have 100 (-compartmentmaxmemory)"}}, condemned)
}

// A compartment that is well is heard of often enough.
func TestTheWatchdogLooksInTime(t *testing.T) {
	for _, timeout := range []time.Duration{time.Second, 3 * time.Second, 20 * time.Second, 90 * time.Second, time.Hour} {
		w := watchdog{timeout: timeout}
		require.LessOrEqual(t, w.heartbeat(roles.Node), timeout/4)
		require.LessOrEqual(t, w.heartbeat(roles.Worker), timeout/4)
		require.LessOrEqual(t, w.every(), timeout/4)
	}
	w := watchdog{}
	require.Equal(t, lookEvery, w.every())
	require.Equal(t, 10*time.Second, w.heartbeat(roles.Node))
	require.Less(t, w.heartbeat(roles.Worker), stale)
}

func TestAWatchdogThatStoodStillJudgesNobody(t *testing.T) {
	w, now := watchdog{timeout: time.Minute}, time.Now()
	for range 3 {
		require.True(t, w.awake(now))
		now = now.Add(w.every())
	}
	now = now.Add(time.Minute)
	require.False(t, w.awake(now), "pings have not been answered for want of pings")
	require.True(t, w.awake(now.Add(w.every())))
}

func TestAProcessThatOpensTooMuchIsToldOfAndEnded(t *testing.T) {
	var w watchdog
	judge := func(open, limit int) (news []msg.CompartmentEvent, condemned []sentence) {
		return w.judge(nil, []supervise.Status{{Instance: "x", Role: roles.Worker, PID: 7, Open: open, Limit: limit}})
	}
	for _, c := range []struct{ open, limit, news, condemned int }{
		{90, 100, 0, 0}, {91, 100, 1, 0}, {97, 100, 0, 0}, {50, 100, 0, 0}, {98, 100, 1, 0}, {50, 100, 0, 0}, {95, 100, 1, 0}, {98, 100, 0, 0}, {99, 100, 0, 1}, {500, 0, 0, 0},
	} {
		news, condemned := judge(c.open, c.limit)
		require.Len(t, news, c.news, c)
		require.Len(t, condemned, c.condemned, c)
	}
	judge(100, 100)
	_, condemned := judge(100, 100)
	require.Equal(t, []sentence{{"x", roles.Worker, 7, "has 100 of 100 descriptors"}}, condemned)
}
