//go:build !libzmq

package main

func libzmq() system {
	return system{name: "libzmq", absent: "not built (-tags libzmq)"}
}
