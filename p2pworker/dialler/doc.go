// Package dialler makes the connections that the manager of peers orders workers to
// make.
//
// A worker has no right to make a socket, look up a name or open a file: a peer that took
// it over must find none. It names the order that it has, and gets a connected socket by
// descriptor (SCM_RIGHTS, unix(7)) over its dock, a pair of sockets that the supervisor
// made. Whatever it names, it is connected to what the manager says of the order itself,
// and that a few times only. What a proxy says is read by the worker.
//
// Who is not started by a supervisor that docks it, as a worker on another machine, makes
// its connections itself: System does the same in its process.
package dialler
