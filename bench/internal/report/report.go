package report

import (
	"slices"
	"strings"
)

// Spread is the median of a figure's values with the lowest and the highest.
type Spread struct {
	Median, Low, High float64
}

// SpreadOf is false if there are no values. The median of an even number is the
// mean of the two in the middle.
func SpreadOf(values []float64) (Spread, bool) {
	if len(values) == 0 {
		return Spread{}, false
	}
	list := slices.Sorted(slices.Values(values))
	return Spread{Median: (list[(len(list)-1)/2] + list[len(list)/2]) / 2, Low: list[0], High: list[len(list)-1]}, true
}

// Text writes the median, and the ends in brackets if they differ, with number.
func (s Spread) Text(number func(float64) string) string {
	if s.Low == s.High {
		return number(s.Median)
	}
	return number(s.Median) + " (" + number(s.Low) + "-" + number(s.High) + ")"
}

// Table is a table's rows of cells, the heads of the columns first.
type Table [][]string

// String is the table with its last line ended.
func (t Table) String() string {
	var b strings.Builder
	for i, row := range t {
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
		if i == 0 {
			b.WriteString("|" + strings.Repeat("---|", len(row)) + "\n")
		}
	}
	return b.String()
}

// Bar is what a figure is to reach.
type Bar struct {
	Text     string
	Measured string
	Reached  bool
}

// Bars lists bars after an empty line; it is empty if there are none.
func Bars(bars []Bar) string {
	if len(bars) == 0 {
		return ""
	}
	table := Table{{"bar", "measured", "reached"}}
	for _, bar := range bars {
		verdict := "**no**"
		if bar.Reached {
			verdict = "yes"
		}
		table = append(table, []string{bar.Text, bar.Measured, verdict})
	}
	return "\n" + table.String()
}
