// Package poolfile keeps the mempool in mempool.dat from one life of the node to the
// next, and writes and reads such files for users.
//
// A process that may open no file is given one for each of these: Save writes to it and
// whoever gave it gives it its name. Otherwise Save writes beside the file and replaces
// it, so that there is a whole one at any time.
//
// A process may die at any time. What comes to the mempool and leaves it is written to a
// journal in a folder of the node's own, at most journalEvery later, and not made durable:
// it outlives the process, and most of it the machine. It is the next life's mempool, and
// is removed by who started the node when all is in mempool.dat.
//
// Files is used by any number of goroutines. Run is the only one that writes the journal,
// which it does between the two it has to do with the mempool: nobody waits for a disk.
package poolfile
