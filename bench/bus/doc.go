// Bus measures the bus beside other ways of passing messages, all in one
// run on one machine, and prints a table in markdown.
//
//	go -C bench run ./bus [-rows 1,2] [-systems bulkhead,nats] [-duration 2s] [-rounds 3]
//	go -C bench run -tags libzmq ./bus
//
// It runs in the folder bench: paths in its flags start there.
//
// Client, server, broker, publisher and every subscriber are processes of
// their own: the program starts itself again and talks to each copy over its
// standard input and output, one JSON value a line. A measurement is repeated
// in rounds, and every round measures all systems one after the other, so
// that a machine that becomes busy does so for all of them. The figure is the
// median of the rounds with the lowest and the highest beside it.
//
// # What is the same for all
//
//   - Small bodies are 200 bytes, large ones 1 MiB; replies echo requests and
//     are compared with them.
//   - Events carry sequence numbers and subscribers acknowledge them by events
//     of their own, which the publisher uses to keep a window: a figure is one
//     without loss, or says how much was lost.
//   - Everything is warmed up before it is measured.
//
// # What is not
//
// NATS speaks TCP over loopback, as its server has no unix sockets. gRPC has
// no broker, so it makes one hop each way where all others make two.
//
// # Ownership
//
// A process joins its goroutines before it ends and ends when its standard
// input does, so none outlives the one that started it. Sockets lie in a
// temporary folder that is removed at the end.
package main
