//go:build race

package interpreter

// everyNth of the reference's taproot spends is checked: the race detector makes
// them take ten minutes, of which it learns nothing after the first.
const everyNth = 32
