package sandbox_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/rights"
	"github.com/bulkheadnode/bulkhead/cmd/internal/sandbox"
)

// prisoner is what a copy of this program is told to be.
type prisoner struct {
	Role     rights.Role
	Single   bool
	Seal     bool
	Address  string // a TCP listener outside
	Abstract string // a unix socket outside
	File     string // of the directory of the test
	Secret   uint64 // where the parent has some memory
	Proxy    string // a unix socket outside that may be a proxy
	Proxied  bool   // it is one
	Far      bool   // a part that runs on its own
	Files    sandbox.Files
	Data     dataDirectory // "" for none
}

const argument = "prisoner"

// TestMain lets the test be in a sandbox.
func TestMain(m *testing.M) {
	if len(os.Args) != 3 || os.Args[1] != argument {
		os.Exit(m.Run())
	}
	var p prisoner
	if err := json.Unmarshal([]byte(os.Args[2]), &p); err != nil {
		panic(err)
	}
	json.NewEncoder(os.Stdout).Encode(p.try())
	os.Exit(0)
}

// try enters the sandbox and tells, of each act, how it failed; "" is success.
func (p prisoner) try() map[string]string {
	acts := p.acts()
	if p.Data != "" {
		maps.Copy(acts, p.Data.acts())
	}
	var proxies []string
	if p.Proxied {
		proxies = []string{p.Proxy}
	}
	profile := sandbox.For(p.Role, p.Single, proxies).With(p.Files)
	if p.Far {
		profile = sandbox.Far()
	}
	s, err := sandbox.Enter(profile)
	outcome := map[string]string{"enter": text(err)}
	if p.Seal {
		outcome["seal"] = text(s.Seal())
	}
	for name, act := range acts {
		outcome[name] = text(act())
	}
	return outcome
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (p prisoner) acts() map[string]func() error {
	parent := os.Getppid()
	memory := make([]byte, 8)
	listener, ours, theirs := inherited()
	return map[string]func() error{
		"live":            live,
		"read a file":     func() error { _, err := os.ReadFile("/etc/passwd"); return err },
		"resolve names":   func() error { _, err := os.ReadFile("/etc/hosts"); return err },
		"create a file":   func() error { return os.WriteFile(p.File, nil, 0o600) },
		"list a folder":   func() error { _, err := os.ReadDir("/"); return err },
		"memory by /proc": func() error { _, err := os.Open(fmt.Sprintf("/proc/%d/mem", parent)); return err },
		"exec":            func() error { return exec.Command("/bin/true").Run() },
		"exec itself":     func() error { return syscall.Exec("/bin/true", []string{"true"}, nil) },
		"fork":            func() error { return number(unix.SYS_CLONE, uintptr(unix.SIGCHLD)) },
		"connect":         func() error { return closing(net.DialTimeout("tcp", p.Address, time.Second)) },
		"send by UDP":     func() error { return udp(p.Address) },
		"accept":          func() error { return closing(listener.Accept()) },
		"pass descriptor": func() error { _, _, err := ours.WriteMsgUnix([]byte{0}, unix.UnixRights(0), nil); return err },
		"take descriptor": func() error { _, _, _, _, err := theirs.ReadMsgUnix(make([]byte, 1), make([]byte, 64)); return err },
		"listen":          func() error { return closing(net.Listen("tcp", "127.0.0.1:0")) },
		"multipath TCP":   func() error { return socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 262) },
		"netlink":         func() error { return socket(unix.AF_NETLINK, unix.SOCK_RAW, 0) },
		"raw socket":      func() error { return socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP) },
		"packet socket":   func() error { return socket(unix.AF_PACKET, unix.SOCK_RAW, 0) },
		"abstract socket": func() error { return closing(net.Dial("unix", p.Abstract)) },
		"unix datagrams":  func() error { return socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0) },
		"proxy's socket":  func() error { return closing(net.Dial("unix", p.Proxy)) },
		"ptrace":          func() error { return unix.PtraceAttach(parent) },
		"process_vm_readv": func() error {
			_, err := unix.ProcessVMReadv(parent, []unix.Iovec{{Base: &memory[0], Len: 8}}, []unix.RemoteIovec{{Base: uintptr(p.Secret), Len: 8}}, 0)
			return err
		},
		"signal":              func() error { return unix.Kill(parent, 0) },
		"limits of others":    func() error { return unix.Prlimit(parent, unix.RLIMIT_NOFILE, nil, &unix.Rlimit{}) },
		"io_uring":            func() error { return number(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&[120]byte{}))) },
		"bpf":                 func() error { return number(unix.SYS_BPF, 0, uintptr(unsafe.Pointer(&[128]byte{})), 48) },
		"perf_event_open":     func() error { return number(unix.SYS_PERF_EVENT_OPEN, uintptr(unsafe.Pointer(&[128]byte{}))) },
		"userfaultfd":         func() error { return number(unix.SYS_USERFAULTFD, unix.O_CLOEXEC) },
		"keyring":             func() error { _, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, true); return err },
		"new namespace":       func() error { return unix.Unshare(unix.CLONE_NEWUTS) },
		"be dumpable again":   func() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0) },
		"signal by ownership": func() error { return owned(parent) },
		"thread with a namespace": func() error {
			return number(unix.SYS_CLONE, unix.CLONE_VM|unix.CLONE_SIGHAND|unix.CLONE_THREAD|unix.CLONE_NEWUTS)
		},
		"datagrams between processes": func() error { _, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM, 0); return err },
		"words for the terminal": func() error {
			err := unix.IoctlSetPointerInt(0, unix.TIOCSTI, 'x')
			if err == unix.ENOTTY {
				return nil // it would have been let through
			}
			return err
		},
		"descriptor of another": func() error {
			fd, err := unix.PidfdOpen(parent, 0)
			if err != nil {
				return err
			}
			_, err = unix.PidfdGetfd(fd, 0, 0)
			return err
		},
	}
}

// inherited returns what a process has before it is confined: a listener to which somebody
// connects, and a pair of sockets with something to read in the second.
func inherited() (net.Listener, *net.UnixConn, *net.UnixConn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	if _, err := net.Dial("tcp", l.Addr().String()); err != nil {
		panic(err)
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		panic(err)
	}
	var pair [2]*net.UnixConn
	for i, fd := range fds {
		c, err := net.FileConn(os.NewFile(uintptr(fd), "pair"))
		if err != nil {
			panic(err)
		}
		pair[i] = c.(*net.UnixConn)
	}
	if _, err := pair[0].Write([]byte{0}); err != nil {
		panic(err)
	}
	return l, pair[0], pair[1]
}

// owned makes a process the owner of a descriptor, which is sent signals.
func owned(pid int) error {
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	defer reader.Close()
	defer writer.Close()
	_, err = unix.FcntlInt(reader.Fd(), unix.F_SETOWN, pid)
	return err
}

// live does what any part does all the time: goroutines, threads, memory.
func live() error {
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			runtime.LockOSThread() // a thread of its own
			_ = make([]byte, 1<<20)
			runtime.Gosched()
		})
	}
	all.Wait()
	runtime.GC()
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	defer reader.Close()
	writer.Write([]byte("x"))
	writer.Close()
	<-time.After(time.Millisecond)
	_, err = reader.Read(make([]byte, 1))
	return err
}

func number(call uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	pid, _, errno := unix.RawSyscall6(call, a[0], a[1], a[2], a[3], a[4], a[5])
	if errno != 0 {
		return errno
	}
	if call == unix.SYS_CLONE && pid == 0 {
		unix.Exit(0)
	}
	return nil
}

func socket(family, kind, protocol int) error {
	fd, err := unix.Socket(family, kind, protocol)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

func closing[C interface{ Close() error }](c C, err error) error {
	if err == nil {
		err = c.Close()
	}
	return err
}

func udp(address string) error {
	c, err := net.Dial("udp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Write([]byte("x"))
	return err
}

// imprison runs a copy of this program and returns what it could not do.
func imprison(t *testing.T, p prisoner) map[string]string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	abstract, err := net.Listen("unix", fmt.Sprintf("@bulkhead-sandbox-%d", os.Getpid()))
	require.NoError(t, err)
	defer abstract.Close()
	secret := uint64(42)
	p.Proxy = filepath.Join(t.TempDir(), "proxy")
	proxy, err := net.Listen("unix", p.Proxy)
	require.NoError(t, err)
	defer proxy.Close()
	p.Address, p.Abstract, p.File = l.Addr().String(), abstract.Addr().String(), filepath.Join(t.TempDir(), "file")
	p.Secret = uint64(uintptr(unsafe.Pointer(&secret)))
	raw, err := json.Marshal(p)
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, argument, string(raw))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s", out)
	outcome := map[string]string{}
	require.NoError(t, json.Unmarshal(out, &outcome))
	runtime.KeepAlive(&secret)
	return outcome
}

// TestWhatAProcessMayDo: each role may do what is listed for it, and nothing else of
// the table.
func TestWhatAProcessMayDo(t *testing.T) {
	always := []string{"enter", "live"}
	for name, c := range map[string]struct {
		prisoner
		may []string
	}{
		"worker without a peer": {prisoner{Role: roles.Worker, Single: true}, []string{"accept", "take descriptor"}},
		"worker with a proxy":   {prisoner{Role: roles.Worker, Single: true, Proxied: true}, []string{"accept", "take descriptor"}},
		"worker with its peer":  {prisoner{Role: roles.Worker, Single: true, Seal: true}, []string{"seal", "take descriptor"}},
		"worker of many peers":  {prisoner{Role: roles.Worker}, []string{"accept", "take descriptor"}},
		"dialler": {prisoner{Role: roles.Dialler}, []string{
			"connect", "send by UDP", "resolve names", "pass descriptor", "take descriptor"}},
		"dialler with a proxy": {prisoner{Role: roles.Dialler, Proxied: true}, []string{
			"connect", "send by UDP", "resolve names", "pass descriptor", "take descriptor", "proxy's socket"}},
		"node":    {prisoner{Role: roles.Node}, []string{"accept", "pass descriptor", "take descriptor"}},
		"wallet":  {prisoner{Role: roles.Wallet}, []string{"accept", "pass descriptor", "take descriptor"}},
		"gateway": {prisoner{Role: roles.Gateway}, []string{"accept", "take descriptor"}},
		"notify":  {prisoner{Role: roles.Notify}, []string{"accept", "take descriptor"}},
		"peers": {prisoner{Role: roles.Peers}, []string{
			"connect", "send by UDP", "resolve names", "datagrams between processes", "pass descriptor", "take descriptor"}},
		"part elsewhere": {prisoner{Far: true}, []string{
			"accept", "pass descriptor", "take descriptor", "read a file", "resolve names", "create a file", "list a folder", "connect", "send by UDP", "listen", "datagrams between processes", "proxy's socket", "unix datagrams"}},
		"a role with a folder": {prisoner{Role: roles.Wallet, Files: sandbox.Files{Own: []string{"/"}}}, []string{
			"accept", "pass descriptor", "take descriptor", "read a file", "resolve names", "create a file", "list a folder"}},
	} {
		t.Run(name, func(t *testing.T) {
			outcome := imprison(t, c.prisoner)
			for act, failure := range outcome {
				if may := contains(c.may, act) || contains(always, act); may {
					require.Empty(t, failure, act)
				} else {
					require.NotEmpty(t, failure, act)
				}
			}
			for _, act := range c.may {
				require.Contains(t, outcome, act)
			}
		})
	}
}

// Without a sandbox the same acts succeed: the table above would show nothing
// otherwise.
func TestTheActsCanSucceed(t *testing.T) {
	p := prisoner{}
	for _, act := range []string{"live", "read a file", "exec", "fork", "list a folder", "keyring", "signal"} {
		if act == "signal" {
			continue // the parent may be of another user
		}
		require.NoError(t, p.acts()[act](), act)
	}
}

func contains(list []string, one string) bool {
	for _, x := range list {
		if x == one {
			return true
		}
	}
	return false
}
