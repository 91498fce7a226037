package report_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bench/internal/report"
)

func TestTheSpreadOfValues(t *testing.T) {
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	values := []float64{3, 1, 2}
	odd, ok := report.SpreadOf(values)
	require.True(t, ok)
	require.Equal(t, report.Spread{Median: 2, Low: 1, High: 3}, odd)
	require.Equal(t, []float64{3, 1, 2}, values, "the order of the rounds is kept")
	require.Equal(t, "2 (1-3)", odd.Text(number))
	even, _ := report.SpreadOf([]float64{4, 1, 2, 3})
	require.Equal(t, 2.5, even.Median)
	one, _ := report.SpreadOf([]float64{7})
	require.Equal(t, "7", one.Text(number))
	_, ok = report.SpreadOf(nil)
	require.False(t, ok)
}

func TestTables(t *testing.T) {
	require.Equal(t, "| a | b |\n|---|---|\n| 1 | 2 |\n", report.Table{{"a", "b"}, {"1", "2"}}.String())
	require.Empty(t, report.Bars(nil))
	require.Equal(t, "\n| bar | measured | reached |\n|---|---|---|\n| fast | 2x | yes |\n| small | 3 MB | **no** |\n",
		report.Bars([]report.Bar{{Text: "fast", Measured: "2x", Reached: true}, {Text: "small", Measured: "3 MB"}}))
}
