// Package proc reads what Linux tells of processes and of the machine below
// /proc (proc(5)).
package proc
