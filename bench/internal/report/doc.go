// Package report writes a benchmark's figures in markdown: the spread of a
// figure over the rounds, tables, and the bars that figures are to reach.
package report
