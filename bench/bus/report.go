package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// writeReport prints the table and its notes in markdown.
func writeReport(w io.Writer, c config, m machine, r results) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s.\nMeasurements of %v; the median of %d (in brackets the lowest and the highest).\n\n", m, c.duration, c.rounds)
	shown := c.chosen()
	fmt.Fprintf(&b, "| row | figure |%s\n|---|---|%s\n", cells(shown, func(s system) string { return s.name }), strings.Repeat("---|", len(shown)))
	for _, f := range figures() {
		if r[f] == nil || !c.measures(f.Row) {
			continue
		}
		fmt.Fprintf(&b, "| %d | %s |%s\n", f.Row, f.title(), cells(shown, func(s system) string { return r.cell(f, s) }))
	}
	b.WriteString(r.bars(c))
	b.WriteString(notes(shown))
	_, err := io.WriteString(w, b.String())
	return err
}

func (c config) chosen() []system {
	return slices.DeleteFunc(systems(), func(s system) bool { return !slices.Contains(c.systems, s.name) })
}

func cells(shown []system, text func(system) string) string {
	var b strings.Builder
	for _, s := range shown {
		fmt.Fprintf(&b, " %s |", text(s))
	}
	return b.String()
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
	switch {
	case !ok:
		return "-"
	case v.Low == v.High:
		return number(v.Median)
	}
	return fmt.Sprintf("%s (%s-%s)", number(v.Median), number(v.Low), number(v.High))
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
func writeJSON(path string, c config, m machine, r results) error {
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
		Machine machine
		Seconds float64
		Rounds  int
		Figures []line
	}{m, c.duration.Seconds(), c.rounds, lines}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
