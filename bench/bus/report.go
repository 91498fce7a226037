package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkheadnode/bulkhead/bench/internal/machine"
	"github.com/bulkheadnode/bulkhead/bench/internal/report"
)

// writeReport prints the table and its notes in markdown.
func writeReport(w io.Writer, c config, m machine.Machine, r results) error {
	shown := c.chosen()
	table := report.Table{slices.Concat([]string{"row", "figure"}, cells(shown, func(s system) string { return s.name }))}
	for _, f := range figures() {
		if r[f] == nil || !c.measures(f.Row) {
			continue
		}
		head := []string{strconv.Itoa(f.Row), f.title()}
		table = append(table, slices.Concat(head, cells(shown, func(s system) string { return r.cell(f, s) })))
	}
	_, err := fmt.Fprintf(w, "%s.\nMeasurements of %v; the median of %d (in brackets the lowest and the highest).\n\n%s%s%s",
		m, c.duration, c.rounds, table, r.bars(c), notes(shown))
	return err
}

func (c config) chosen() []system {
	return slices.DeleteFunc(systems(), func(s system) bool { return !slices.Contains(c.systems, s.name) })
}

func cells(shown []system, text func(system) string) []string {
	list := make([]string, len(shown))
	for i, s := range shown {
		list[i] = text(s)
	}
	return list
}

func (f figure) title() string {
	if f.Unit == "" {
		return f.Name
	}
	return f.Name + ", " + f.Unit
}

func (r results) cell(f figure, s system) string {
	if s.absent != "" {
		return s.absent
	}
	v, ok := r.of(f, s.name)
	if !ok {
		return "-"
	}
	return v.Text(number)
}

// number keeps three digits or the integer.
func number(v float64) string {
	switch {
	case v != 0 && v < 10:
		return fmt.Sprintf("%.2f", v)
	case v != 0 && v < 100:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

func notes(shown []system) string {
	var b strings.Builder
	for _, s := range shown {
		if s.note != "" {
			fmt.Fprintf(&b, "- %s: %s.\n", s.name, s.note)
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "\n" + b.String()
}

// writeJSON writes the values of all rounds.
func writeJSON(path string, c config, m machine.Machine, r results) error {
	type line struct {
		figure
		Systems map[string][]float64
	}
	var lines []line
	for _, f := range figures() {
		if r[f] != nil {
			lines = append(lines, line{f, r[f]})
		}
	}
	text, err := json.MarshalIndent(struct {
		Machine machine.Machine
		Seconds float64
		Rounds  int
		Figures []line
	}{m, c.duration.Seconds(), c.rounds, lines}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
