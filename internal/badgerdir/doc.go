// Package badgerdir mends what the death of a process can leave in the folder
// of a Badger database and the library refuses to open.
package badgerdir
