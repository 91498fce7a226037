// Command peers measures how many connections a node holds, and what they cost it: it
// makes them from one process, waits for the version of each, answers pings, sends its
// own, and reads what the node's processes have used meanwhile.
//
//	go run ./peers -connections=1000 -workers=perpeer -pace=20ms -hold=2m
//
// Latencies are of the connections one after the other, so that none waits for another
// one of ours: from connect to the whole of our version; with -pace there is a pause
// before each, as peers that come on their own make it. The machine must let a process
// have as many descriptors as there are connections, twice (ulimit -n).
package main
