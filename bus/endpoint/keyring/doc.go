// Package keyring keeps the keys of an endpoint in a folder:
//
//	broker.key_secret, broker.key     the broker's own pair
//	ROLE.key_secret, ROLE.key         the pair of a role
//	ROLE.NAME.key_secret, ...         several of one role
//
// The files are CZMQ's and pyzmq's certificates. A key may attach as long as
// its .key file is there and its metadata names the role that the file's name
// does; of the .key_secret files only the broker's is read. What was made
// elsewhere, by pyzmq for one, needs the line role = "client" under metadata.
//
// Guarantees: files are complete when they appear and are never overwritten;
// secret ones, and the folder, are open to nobody but their owner. A folder or
// a .key file into which others may write is not trusted.
//
// The package starts nothing. A Ring may be used from any goroutine.
package keyring
