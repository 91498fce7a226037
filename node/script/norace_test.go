//go:build !race

package script_test

// everyNth of the reference's taproot spends is checked: the interpreter's own
// tests check all.
const everyNth = 8
