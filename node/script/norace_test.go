//go:build !race

package script_test

const everyNth = 1
