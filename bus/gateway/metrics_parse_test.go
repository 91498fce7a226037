package gateway

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// scraped is a parsed scrape: figures by "name label=value label=value".
type scraped struct {
	t        *testing.T
	families []string
	kinds    map[string]string
	figures  map[string]float64
}

func (s *scraped) of(series string) float64 {
	s.t.Helper()
	figure, ok := s.figures[series]
	require.True(s.t, ok, "no %s", series)
	return figure
}

// parseText reads Prometheus's text format, version 0.0.4, and is strict about
// what the format's description asks for: HELP and TYPE once and before a
// family's samples, families in one piece, no series twice, cumulative buckets
// of which the last is +Inf and equal to the count.
func parseText(t *testing.T, text string) *scraped {
	t.Helper()
	require.True(t, strings.HasSuffix(text, "\n"), "the last line has to end")
	s := &scraped{t: t, kinds: map[string]string{}, figures: map[string]float64{}}
	var helped string
	line := regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? (\S+)$`)
	for row := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		if rest, ok := strings.CutPrefix(row, "# HELP "); ok {
			helped, _, _ = strings.Cut(rest, " ")
			continue
		}
		if rest, ok := strings.CutPrefix(row, "# TYPE "); ok {
			name, kind, _ := strings.Cut(rest, " ")
			require.Equal(t, helped, name)
			require.NotContains(t, s.families, name)
			require.Contains(t, []string{"gauge", "counter", "histogram"}, kind)
			require.Equal(t, kind == "counter", strings.HasSuffix(name, "_total"), "%s is a %s", name, kind)
			s.families, s.kinds[name] = append(s.families, name), kind
			continue
		}
		m := line.FindStringSubmatch(row)
		require.NotNil(t, m, "%q", row)
		family := s.families[len(s.families)-1]
		if s.kinds[family] == "histogram" {
			require.Contains(t, []string{family + "_bucket", family + "_sum", family + "_count"}, m[1])
		} else {
			require.Equal(t, family, m[1])
		}
		series := m[1] + parseLabels(t, m[2])
		require.NotContains(t, s.figures, series)
		figure, err := strconv.ParseFloat(m[3], 64)
		require.NoError(t, err, row)
		s.figures[series] = figure
	}
	s.checkHistograms(text)
	return s
}

// parseLabels turns {a="x",b="y"} into " a=x b=y".
func parseLabels(t *testing.T, text string) string {
	t.Helper()
	if text == "" {
		return ""
	}
	label := regexp.MustCompile(`^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"`)
	var b strings.Builder
	rest := text[1 : len(text)-1]
	for {
		m := label.FindStringSubmatch(rest)
		require.NotNil(t, m, "%q", rest)
		b.WriteString(" " + m[1] + "=" + strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n").Replace(m[2]))
		rest = rest[len(m[0]):]
		if rest == "" {
			return b.String()
		}
		require.Equal(t, byte(','), rest[0])
		rest = rest[1:]
	}
}

// checkHistograms looks at the buckets in the order of the text.
func (s *scraped) checkHistograms(text string) {
	s.t.Helper()
	bucket := regexp.MustCompile(`(?m)^(\w+)_bucket\{(.*),le="([^"]+)"\} (\d+)$`)
	type state struct{ below, bound float64 }
	states := map[string]state{}
	for _, m := range bucket.FindAllStringSubmatch(text, -1) {
		key := m[1] + "{" + m[2] + "}"
		bound, err := strconv.ParseFloat(m[3], 64)
		require.NoError(s.t, err)
		below, err := strconv.ParseFloat(m[4], 64)
		require.NoError(s.t, err)
		before := states[key]
		require.GreaterOrEqual(s.t, below, before.below, key)
		require.Greater(s.t, bound, before.bound, key)
		states[key] = state{below, bound}
	}
	for key, last := range states {
		require.Greater(s.t, last.bound, 1e300, "%s ends with +Inf", key)
		name, labels, _ := strings.Cut(key, "{")
		series := parseLabels(s.t, "{"+labels)
		require.Equal(s.t, last.below, s.of(name+"_count"+series))
		require.GreaterOrEqual(s.t, s.of(name+"_sum"+series), 0.0)
	}
}

// TestTheDocumentationListsEveryMetric compares the table of docs/metrics.md,
// row by row, with what is exported.
func TestTheDocumentationListsEveryMetric(t *testing.T) {
	raw, err := os.ReadFile("../../docs/metrics.md")
	require.NoError(t, err)
	row := regexp.MustCompile("(?m)^\\| `(bulkhead_[a-z_]+)` \\| (\\w+) \\| ([^|]*) \\| (.+) \\|$")
	var documented, exported []string
	for _, m := range row.FindAllStringSubmatch(string(raw), -1) {
		documented = append(documented, strings.Join(m[1:], " | "))
	}
	kinds := map[prometheus.ValueType]string{prometheus.GaugeValue: "gauge", prometheus.CounterValue: "counter", histogram: "histogram"}
	for _, f := range newCatalogue().all {
		labels := make([]string, len(f.labels))
		for i, label := range f.labels {
			labels[i] = "`" + label + "`"
		}
		exported = append(exported, strings.Join([]string{f.name, kinds[f.kind], strings.Join(labels, ", "), f.help}, " | "))
	}
	require.Equal(t, exported, documented)
	require.Equal(t, len(exported), len(slices.Compact(slices.Sorted(slices.Values(exported)))))
}
