// Package sandbox confines a process of the node to what its part needs, once and
// for good: what a hostile peer takes over is then worth as little as can be.
//
// Three layers of Linux are used, each where the others have holes:
//
//   - seccomp refuses system calls. It alone closes the network: Landlock leaves
//     multipath TCP, UDP, netlink and raw sockets open.
//   - Landlock refuses files by path, and abstract sockets and signals beyond the
//     process.
//   - The process is not dumpable, has no core files, and gains no privileges by
//     what it executes.
//
// A part that serves one peer may be confined further once it has its connection:
// see Sandbox.Seal.
package sandbox
