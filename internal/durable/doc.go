// Package durable replaces files, and makes what was done to folders survive a
// loss of power.
package durable
