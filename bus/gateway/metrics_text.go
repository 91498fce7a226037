package gateway

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

// textFormat is Prometheus's text exposition format.
var textFormat = expfmt.NewFormat(expfmt.TypeTextPlain)

// text writes the families that have samples.
func (c *catalogue) text() ([]byte, error) {
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(c); err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	families, err := registry.Gather()
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	var b bytes.Buffer
	encoder := expfmt.NewEncoder(&b, textFormat)
	for _, f := range families {
		if err := encoder.Encode(f); err != nil {
			return nil, fmt.Errorf("metrics: %s: %w", f.GetName(), err)
		}
	}
	return b.Bytes(), nil
}

// Describe tells all metrics that a scrape may show.
func (c *catalogue) Describe(to chan<- *prometheus.Desc) {
	for _, f := range c.all {
		to <- f.desc()
	}
}

// Collect gives all samples.
func (c *catalogue) Collect(to chan<- prometheus.Metric) {
	for _, f := range c.all {
		for _, s := range f.samples {
			metric, err := f.metric(s)
			if err != nil {
				metric = prometheus.NewInvalidMetric(f.desc(), err)
			}
			to <- metric
		}
	}
}

func (f *family) desc() *prometheus.Desc { return prometheus.NewDesc(f.name, f.help, f.labels, nil) }

func (f *family) metric(s sample) (prometheus.Metric, error) {
	values := make([]string, len(s.values))
	for i, v := range s.values {
		values[i] = strings.ToValidUTF8(v, "\uFFFD") // others chose it
	}
	if f.kind != histogram {
		return prometheus.NewConstMetric(f.desc(), f.kind, s.figure, values...)
	}
	var below uint64
	buckets := map[float64]uint64{}
	for i, n := range s.counts {
		below += n
		if i < len(s.bounds) {
			buckets[s.bounds[i]] = below
		}
	}
	return prometheus.NewConstHistogram(f.desc(), below, s.figure, buckets, values...)
}
