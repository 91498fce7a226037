package sandbox

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/landlock-lsm/go-landlock/landlock"
	kernel "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// Sandbox is what a process is in since Enter.
type Sandbox struct {
	inForce []string
	once    sync.Once
	sealed  error
}

// String lists what is in force.
func (s *Sandbox) String() string {
	if len(s.inForce) == 0 {
		return "nothing"
	}
	return strings.Join(s.inForce, ", ")
}

// Enter confines the process, as far as the kernel lets it: the error tells what is
// not in force. It cannot be undone.
func Enter(p Profile) (*Sandbox, error) {
	s := &Sandbox{}
	// It is read when it is first needed, and could not be then.
	_ = time.Now().Local().String()
	var failed []error
	for _, layer := range []func() (string, error){
		hide, p.limitDescriptors, p.closeFiles, scope, p.loadFilter,
	} {
		name, err := layer()
		switch {
		case err != nil:
			failed = append(failed, err)
		case name != "":
			s.inForce = append(s.inForce, name)
		}
	}
	return s, errors.Join(failed...)
}

// Supported tells what the kernel does not offer to this process.
func Supported() error {
	var err error
	if !seccomp.Supported() {
		err = errors.New("seccomp is not there")
	}
	return errors.Join(err, listed(), atLeast(scopeABI))
}

// listed fails on architectures whose system calls have other names than those in
// the lists: a process would not live.
func listed() error {
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		return fmt.Errorf("seccomp: no list for %s", runtime.GOARCH)
	}
	return nil
}

// Seal takes away what a part needs to get its connection, when it has it: from
// then on it can neither open nor connect anything. Only the first call does it.
func (s *Sandbox) Seal() error {
	s.once.Do(func() {
		if s.sealed = listed(); s.sealed == nil {
			s.sealed = load(sealed())
		}
		if s.sealed == nil {
			s.sealed = inForce(unix.SYS_ACCEPT4, ^uintptr(0), 0, 0)
		}
	})
	return s.sealed
}

// Hide keeps other processes of the user from the memory of this one, and its core
// files from the disk: for a process that is in no sandbox, but starts those that are.
func Hide() error {
	_, err := hide()
	return err
}

// hide keeps other processes of the user from the memory of this one, and core
// files from the disk.
func hide() (string, error) {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return "", fmt.Errorf("not to be dumpable: %w", err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return "", fmt.Errorf("no core files: %w", err)
	}
	return "not dumpable", nil
}

func (p Profile) limitDescriptors() (string, error) {
	if p.descriptors == 0 {
		return "", nil
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: p.descriptors, Max: p.descriptors}); err != nil {
		return "", fmt.Errorf("descriptors: %w", err)
	}
	return fmt.Sprintf("%d descriptors", p.descriptors), nil
}

// Versions of Landlock's interface: the first that knows files, and the first that
// knows abstract sockets and signals. The ninth also knows the paths of unix sockets:
// before it, a process that may connect to one may connect to all.
const (
	filesABI = 1
	scopeABI = 6
)

// atLeast fails if the kernel's Landlock is older than an interface.
func atLeast(abi int) error {
	found, err := kernel.LandlockGetABIVersion()
	if err != nil {
		return fmt.Errorf("landlock: %w", err)
	}
	if found < abi {
		return fmt.Errorf("landlock: the kernel has version %d of the interface, and %d is needed", found, abi)
	}
	return nil
}

// scope keeps signals and abstract sockets within the process.
func scope() (string, error) {
	if err := atLeast(scopeABI); err != nil {
		// Any domain keeps a process from the memory of those outside.
		return "", errors.Join(fmt.Errorf("scope: %w", err), anyDomain())
	}
	if err := landlock.V6.BestEffort().RestrictScoped(); err != nil {
		return "", fmt.Errorf("scope: %w", err)
	}
	return "scoped (Landlock)", nil
}

// anyDomain enforces next to nothing: no character devices are made.
func anyDomain() error {
	if err := atLeast(filesABI); err != nil {
		return err
	}
	return landlock.Config{HandledAccessFS: kernel.AccessFSMakeChar}.RestrictPaths()
}

// askPersonality changes nothing (personality(2)); no profile has the call.
const askPersonality = 0xffffffff

// inForce makes a call that the filters refuse. The kernel tells in a way that the
// library does not look at if it could not put a filter in force for all threads:
// then it is for none.
func inForce(call, a, b, c uintptr) error {
	if _, _, errno := unix.RawSyscall(call, a, b, c); errno != unix.EPERM {
		return fmt.Errorf("seccomp: the filter is not in force: call %d ended with %d", call, errno)
	}
	return nil
}

func (p Profile) loadFilter() (string, error) {
	if err := listed(); err != nil {
		return "", err
	}
	if err := load(p.filters()...); err != nil {
		return "", err
	}
	if err := inForce(unix.SYS_PERSONALITY, askPersonality, 0, 0); err != nil {
		return "", err
	}
	name := "system calls (seccomp): all but hostile ones"
	if p.only != nil {
		name = fmt.Sprintf("system calls (seccomp): %d", len(known(p.only)))
	}
	if p.sockets == noSockets {
		name += ", no sockets"
	}
	return name, nil
}
