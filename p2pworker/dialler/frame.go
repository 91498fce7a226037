package dialler

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// question is what a worker sends over its dock, a packet of JSON each.
type question struct {
	ID    uint64
	Order uint64
	// Way is one of the order's, by its number; findWays asks for all of them.
	Way int
}

const findWays = -1

// answer is what comes back, and a connected socket if that was asked for.
type answer struct {
	ID     uint64
	Ways   []Way  `json:",omitempty"`
	Failed string `json:",omitempty"`
}

// What a packet may have at most. The longest answer has maxWays ways, whose names are
// addresses.
const (
	maxQuestion = 256
	maxAnswer   = 64 << 10
)

// send writes one packet, with the descriptor of a connection if there is one.
func send(dock *net.UnixConn, packet any, passed net.Conn) error {
	raw, err := json.Marshal(packet)
	if err != nil {
		return err
	}
	if passed == nil {
		// Not sendmsg, which a worker loses with its peer.
		_, err = dock.Write(raw)
		return err
	}
	socket, ok := passed.(syscall.Conn)
	if !ok {
		return fmt.Errorf("%T has no descriptor", passed)
	}
	control, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	failed := control.Control(func(fd uintptr) { _, _, err = dock.WriteMsgUnix(raw, unix.UnixRights(int(fd)), nil) })
	return errors.Join(failed, err)
}

// receive reads one packet, and the descriptor that came with it, or nil. buf is the
// room for it.
func receive(dock *net.UnixConn, buf []byte, packet any) (*os.File, error) {
	rights := make([]byte, unix.CmsgSpace(4))
	n, size, flags, _, err := dock.ReadMsgUnix(buf, rights)
	if err != nil {
		return nil, err
	}
	passed := files(rights[:size])
	err = json.Unmarshal(buf[:n], packet)
	switch {
	case flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0:
		err = errors.New("a packet is too long")
	case err == nil && len(passed) > 1:
		err = fmt.Errorf("a packet has %d descriptors", len(passed))
	}
	switch {
	case err != nil:
		for _, f := range passed {
			f.Close()
		}
		return nil, err
	case len(passed) == 1:
		return passed[0], nil
	}
	return nil, nil
}

// files are those that came with a packet.
func files(rights []byte) (list []*os.File) {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil
	}
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			continue
		}
		for _, fd := range fds {
			list = append(list, os.NewFile(uintptr(fd), "connection"))
		}
	}
	return list
}
