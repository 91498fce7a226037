package ship

import (
	"testing"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/cmd/internal/config"
)

// loaded are the settings of a command line on regtest.
func loaded(t *testing.T, args ...string) *config.Settings {
	t.Helper()
	s, err := config.Parse(append(args, "-regtest", "-datadir="+t.TempDir()))
	require.NoError(t, err)
	_, err = s.Load(t.TempDir())
	require.NoError(t, err)
	return s
}

func TestWhereMetricsAreServed(t *testing.T) {
	for _, tc := range []struct {
		args     []string
		want     []string
		warnings int
	}{
		{nil, nil, 0},
		{[]string{"-metricsbind=127.0.0.1"}, []string{"127.0.0.1:9332"}, 0},
		{[]string{"-metricsbind=127.0.0.1:1", "-metricsbind=[::1]:2", "-metricsbind=::1"}, []string{"127.0.0.1:1", "[::1]:2", "[::1]:9332"}, 0},
		{[]string{"-metricsbind=localhost"}, []string{"localhost:9332"}, 0},
		{[]string{"-metricsbind=0.0.0.0", "-metricsbind=[::]:5"}, []string{"0.0.0.0:9332", "[::]:5"}, 2},
		{[]string{"-metricsbind=127.0.0.1", "-nometricsbind"}, nil, 0},
	} {
		list, err := metricsBindings(loaded(t, tc.args...))
		require.NoError(t, err)
		var addresses []string
		for _, b := range list {
			require.False(t, b.optional)
			addresses = append(addresses, b.addr)
		}
		require.Equal(t, tc.want, addresses)
		require.Len(t, openToOthers(list), tc.warnings)
	}
	for _, args := range [][]string{
		{"-metricsbind=host.example"}, {"-metricsbind="}, {"-metricsbind=127.0.0.1", "-metricsbind=127.0.0.1:9332"},
	} {
		_, err := metricsBindings(loaded(t, args...))
		require.Error(t, err, "%v", args)
	}
}

func TestOnlyAGatewayOnItsOwnServesMetrics(t *testing.T) {
	s := loaded(t, "-metricsbind=127.0.0.1")
	require.NoError(t, refuseMetrics(s, roles.Gateway))
	require.ErrorContains(t, refuseMetrics(s, roles.Worker), "a worker on its own serves no metrics")
	require.NoError(t, refuseMetrics(loaded(t), roles.Worker))
}
