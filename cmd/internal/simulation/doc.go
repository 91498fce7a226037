// Package simulation has whole nodes live through what a test program could never wait
// for, on the internet of peertest and by its clock: the real node, manager and workers
// on a real bus, in one process and in a bubble of testing/synctest. Each test is the
// script of a story. There is nothing here but tests.
package simulation
