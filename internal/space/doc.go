// Package space tells how much room there is on a disk, so that a node ends in
// order before there is none: what is written through memory maps, as databases
// do, would end the process with a signal.
//
// It decides nothing and keeps nothing; who asks also says how much is about to
// be written. Space that another program takes between the question and the
// writing is what the reserve is for.
package space
