// Package supervise starts the compartments, attaches them to the broker and
// keeps them running.
//
// A compartment is a process: this executable again, with the role as its
// first argument, an inherited socket for its bus link, its settings on
// another (the lifeline) and the listening sockets it may serve. With InProcess it is
// a goroutine with an in-memory link instead; everything else is the same.
//
// The supervisor learns of a child's death from the kernel. A child learns of
// the supervisor's death from the end of its link, and the kernel kills it at
// once (PR_SET_PDEATHSIG). That signal follows the thread that forked, so one
// goroutine, locked to its thread as long as Run lasts, forks all children.
//
// SIGTERM that the supervisor did not send is a death like any other: the
// compartment is started again. Before it is told to end, a process is let go on
// that somebody has stopped. After a SIGHUP processes get debug.log anew over the
// lifeline. Each confines itself before its part runs: see package sandbox.
//
// Run owns that goroutine and one for every compartment, and joins them.
package supervise
