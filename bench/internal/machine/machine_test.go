package machine_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bench/internal/machine"
)

func TestTheDescriptionIsOneLineWithAllThatIsKnown(t *testing.T) {
	m := machine.This()
	require.Equal(t, runtime.NumCPU(), m.Cores)
	require.NotContains(t, m.Kernel, "unknown")
	require.Regexp(t, `^\d+\.\d\d$`, m.Load)
	line := m.String()
	require.NotContains(t, line, "\n")
	for _, text := range []string{m.Date, m.CPU, m.Kernel, m.Go, m.Commit} {
		require.NotEmpty(t, text)
		require.True(t, strings.Contains(line, text), text)
	}
}
