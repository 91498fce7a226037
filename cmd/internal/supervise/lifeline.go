package supervise

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/cmd/internal/logging"
)

// lifeline is the socket between the supervisor and a process that it started. The
// process gets its settings over it, and later the files that it could not open
// itself: it may be in a sandbox.
//
// The supervisor sends a boot in JSON, with its length in front (4 bytes,
// big-endian), and after that one message for each file, which comes with it
// (SCM_RIGHTS): a byte that says what it is, and a name. Nothing that comes after a
// descriptor is read together with what it came with (unix(7)).
//
// The process sends one text, in the same way as the boot: what sandbox it is in.
type lifeline struct{ *net.UnixConn }

// What a file is that comes by the lifeline.
const (
	aLog  byte = iota // debug.log, opened anew; no name
	aDock             // a dock, and the instance at its other end
	aFile             // one that a user named; its number
)

// maxName bounds the names of instances and files.
const maxName = 128

// maxTold bounds what a process says of its sandbox.
const maxTold = 1 << 10

// maxBoot bounds what a process reads of its settings.
const maxBoot = 16 << 20

// handoverPatience bounds how long the supervisor waits for a process to take a
// file: the last one is enough, and there is room for many.
const handoverPatience = 100 * time.Millisecond

// newLifeline returns the supervisor's end and the one that a process inherits.
func newLifeline() (lifeline, *os.File, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return lifeline{}, nil, err
	}
	return lifeline{ours.(*net.UnixConn)}, theirs, nil
}

// inherited returns the end of the process.
func inherited() (lifeline, error) {
	const byHand = "a part is started by bulkhead, not by hand"
	conn, err := fileConn(bootFD)
	if err != nil {
		return lifeline{}, fmt.Errorf("%s: %w", byHand, err)
	}
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		conn.Close()
		return lifeline{}, fmt.Errorf("%s", byHand)
	}
	return lifeline{unixConn}, nil
}

// boot sends the settings. A process that dies before it has read them is noticed
// by its exit.
func (l lifeline) boot(b boot) {
	raw, err := json.Marshal(b)
	if err != nil {
		l.Close() // the process will find that it has none
		return
	}
	l.send(raw)
}

func (l lifeline) send(raw []byte) {
	_, _ = l.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(raw))), raw...))
}

// receive returns what was sent, of limit bytes at most.
func (l lifeline) receive(limit uint32) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(l, length[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > limit {
		return nil, fmt.Errorf("%d bytes", n)
	}
	raw := make([]byte, n)
	_, err := io.ReadFull(l, raw)
	return raw, err
}

// tell is the process's side of hear. A supervisor that has gone ends the process.
func (l lifeline) tell(box string) { l.send([]byte(box)[:min(len(box), maxTold)]) }

// hear returns what the process tells first, "" if it ends before. Later it may be in
// another's hands: nothing else that it says is read.
func (l lifeline) hear() string {
	raw, err := l.receive(maxTold)
	if err != nil {
		return ""
	}
	return string(raw)
}

// readBoot waits for the settings.
func (l lifeline) readBoot(b *boot) error {
	raw, err := l.receive(maxBoot)
	if err != nil {
		return fmt.Errorf("settings of the part: %w", err)
	}
	if err := json.Unmarshal(raw, b); err != nil {
		return fmt.Errorf("settings of the part: %w", err)
	}
	return nil
}

// handOver sends an open file: what it is, and its name.
func (l lifeline) handOver(f *os.File, what byte, name string) error {
	if err := l.SetWriteDeadline(time.Now().Add(handoverPatience)); err != nil {
		return err
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	failed := raw.Control(func(fd uintptr) {
		_, _, err = l.WriteMsgUnix(append([]byte{what}, name...), unix.UnixRights(int(fd)), nil)
	})
	if failed != nil {
		return failed
	}
	return err
}

// follow takes the files that come, until the lifeline ends or is closed: log becomes
// each that is debug.log, files are kept for who takes them, and docks are offered until
// ended is closed.
func (l lifeline) follow(log *os.File, files *given, docks chan<- part.Dock, ended <-chan struct{}) {
	data, rights := make([]byte, 1+maxName), make([]byte, unix.CmsgSpace(4))
	for {
		n, size, _, _, err := l.ReadMsgUnix(data, rights)
		if err != nil || n == 0 {
			return
		}
		for _, fd := range descriptorsOf(rights[:size]) {
			f := os.NewFile(uintptr(fd), "handed over")
			switch data[0] {
			case aLog:
				// It fails for want of nothing that one could do something about: the
				// process goes on in the file that it has.
				_ = logging.Become(log, f)
			case aDock:
				offer(docks, f, string(data[1:n]), ended)
			case aFile:
				files.put(string(data[1:n]), f)
				continue // it is whose who takes it
			}
			f.Close()
		}
	}
}

func offer(docks chan<- part.Dock, f *os.File, peer string, ended <-chan struct{}) {
	dock, err := dockOf(f, peer)
	if err != nil {
		return // the other end sees that it is closed
	}
	select {
	case docks <- dock:
	case <-ended:
		dock.Conn.Close()
	}
}

// descriptorsOf are those that came with a message.
func descriptorsOf(rights []byte) (fds []int) {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil
	}
	for i := range messages {
		if got, err := unix.ParseUnixRights(&messages[i]); err == nil {
			fds = append(fds, got...)
		}
	}
	return fds
}
