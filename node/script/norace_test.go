//go:build !race

package script_test

// everyNth of the reference's taproot spends is checked: those that are not of the
// direct forms run in the interpreter, whose own tests check all.
const everyNth = 8
