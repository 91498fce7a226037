package gateway

import (
	"bytes"
	"math"
	"strconv"
	"strings"
)

// textFormat is the media type of what text writes: Prometheus's text
// exposition format.
const textFormat = "text/plain; version=0.0.4; charset=utf-8"

// text writes the families that have samples.
func (c *catalogue) text() []byte {
	var b bytes.Buffer
	for _, f := range c.all {
		if len(f.samples) == 0 {
			continue
		}
		b.WriteString("# HELP " + f.name + " " + escapeHelp(f.help) + "\n")
		b.WriteString("# TYPE " + f.name + " " + f.kind + "\n")
		for _, s := range f.samples {
			f.writeSample(&b, s)
		}
	}
	return b.Bytes()
}

func (f *family) writeSample(b *bytes.Buffer, s sample) {
	labels := f.pairs(s.values)
	if f.kind != "histogram" {
		writeLine(b, f.name, labels, number(s.figure))
		return
	}
	var below uint64
	for i, n := range s.counts {
		below += n
		bound := math.Inf(1)
		if i < len(s.bounds) {
			bound = s.bounds[i]
		}
		writeLine(b, f.name+"_bucket", append(labels[:len(labels):len(labels)], pair("le", number(bound))), strconv.FormatUint(below, 10))
	}
	writeLine(b, f.name+"_sum", labels, number(s.figure))
	writeLine(b, f.name+"_count", labels, strconv.FormatUint(below, 10))
}

func (f *family) pairs(values []string) []string {
	pairs := make([]string, len(f.labels))
	for i, label := range f.labels {
		pairs[i] = pair(label, values[i])
	}
	return pairs
}

func pair(label, value string) string { return label + `="` + escapeLabel(value) + `"` }

func writeLine(b *bytes.Buffer, name string, pairs []string, figure string) {
	b.WriteString(name)
	if len(pairs) > 0 {
		b.WriteString("{" + strings.Join(pairs, ",") + "}")
	}
	b.WriteString(" " + figure + "\n")
}

// number is a figure as the format wants it; infinity is +Inf.
func number(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

func escapeHelp(text string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(text)
}

// escapeLabel keeps names that others chose from ending the line or the label.
func escapeLabel(text string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`).Replace(strings.ToValidUTF8(text, "\uFFFD"))
}
