// Package multipart holds the frames that travel beside the body of a message.
// It is apart from the bus so that the vocabulary of pure cores can carry them
// without knowing the bus.
package multipart
