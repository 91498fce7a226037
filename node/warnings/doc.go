// Package warnings keeps what a user should know about the node as long as it is so.
package warnings
