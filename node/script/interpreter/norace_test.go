//go:build !race

package interpreter

// everyNth of the reference's taproot spends is checked.
const everyNth = 1
