package manager

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/p2pworker/roster"
)

// keeps is a supervisor that keeps what it is handed, or fails.
func (s *ship) keeps() (kept *[]byte, fails *error) {
	kept, fails = new([]byte), new(error)
	mux := bus.NewMux()
	msg.KeepPeers.Handle(mux, func(_ context.Context, body msg.KeptBody) (bus.None, error) {
		if *fails == nil {
			*kept = body.Data
		}
		return bus.None{}, *fails
	})
	s.bus.Conn(roles.Supervisor, "supervisor", mux)
	return kept, fails
}

func restarted(cfg Config) (*manager, error) {
	return newManager(part.Env{Logger: slog.New(slog.DiscardHandler), Clock: clock.New(mockTime)}, cfg.withDefaults())
}

// What is set by commands is there again in a manager that is started after this one,
// with what the settings say in its place.
func TestWhatIsSetIsKept(t *testing.T) {
	cfg := Config{DataDir: t.TempDir(), AddNode: []string{"1.2.3.4:5"}, Profiles: []Profile{{Name: "local", Slots: 3}}}
	s := newShip(t, cfg)
	kept, _ := s.keeps()
	s.succeeds("setthrottle", `["total", 1000, 2000]`)
	s.succeeds("setthrottle", `["blocks", 3000]`)
	s.succeeds("setthrottle", `["profile:local", 0, 4000]`)
	s.succeeds("setconnlimit", `["total", 40]`)
	s.succeeds("setconnlimit", `["profile:local", 2]`)
	s.succeeds("addnode", `["1.2.3.4:5", "remove"]`)
	s.succeeds("addnode", `["4.3.2.1:5", "add"]`)
	s.succeeds("setnetworkactive", `[false]`)
	cfg.Kept = *kept
	m, err := restarted(cfg)
	require.NoError(t, err)
	require.Equal(t, commands{s.manager}.throttles(), commands{m}.throttles())
	require.Equal(t, p2p.Rates{1000, 2000}, m.ledger.Total())
	require.Equal(t, s.roster.Limits(), m.roster.Limits())
	require.Equal(t, 40, m.roster.Limits()[roster.LimitTotal])
	require.Equal(t, []string{"4.3.2.1:5"}, m.roster.Targets())
	require.False(t, m.roster.Active())
}

// What could not be handed over is, once the supervisor answers.
func TestKeepingIsTriedAgain(t *testing.T) {
	s := newShip(t, Config{})
	kept, fails := s.keeps()
	*fails = errors.New("not now")
	s.succeeds("setnetworkactive", `[false]`)
	require.Empty(t, *kept)
	s.keepAgain(t.Context())
	require.Empty(t, *kept)
	*fails = nil
	s.keepAgain(t.Context())
	require.Contains(t, string(*kept), `"active":false`)
	*kept = nil
	s.keepAgain(t.Context())
	require.Empty(t, *kept, "once")
}

// A manager takes over from an earlier one nothing that a user could not set; one that
// cannot read it does not go on as if networking were on.
func TestWhatWasKeptIsNotBelieved(t *testing.T) {
	m, err := restarted(Config{DataDir: t.TempDir(), Kept: []byte(`{"active": true, "limits": {"total": -1, "manual": 1000000, "x": 1}, "total": [-1, 5],
		"classes": {"blocks": [1, 9999999999999], "x": [1, 1]}, "profiles": {"x": [1, 1]}, "targets": [{"name": "a"}, {"name": "a"}]}`)})
	require.NoError(t, err)
	fresh, err := restarted(Config{DataDir: t.TempDir()})
	require.NoError(t, err)
	require.Equal(t, fresh.roster.Limits(), m.roster.Limits())
	require.Equal(t, commands{fresh}.throttles(), commands{m}.throttles())
	require.Equal(t, []string{"a"}, m.roster.Targets())
	m, err = restarted(Config{DataDir: t.TempDir(), Kept: []byte("{")})
	require.NoError(t, err, "no manager could be started any more")
	require.False(t, m.roster.Active(), "it may have been off")
}
