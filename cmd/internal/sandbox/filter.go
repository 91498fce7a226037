package sandbox

import (
	"fmt"
	"maps"
	"math"
	"os"
	"runtime"
	"slices"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// filters returns what is loaded one after the other: the strictest has the word.
// Calls that are judged by their arguments have a filter each. (The library loses
// the number of the call once it has looked at an argument: nothing may follow.)
// What allows all else there leaves calls by other architectures' gates to the last
// filter, which refuses what it does not know.
func (p Profile) filters() (list []seccomp.Policy) {
	pid := uint64(os.Getpid())
	list = append(list,
		refuse("kill", other(0, pid)),
		refuse("tgkill", other(0, pid)),
		// The limits of other processes; those of this one only ever fall.
		refuse("prlimit64", other(0, 0)),
		// Threads are made by clone; processes would be, too.
		refuse("clone", bits(seccomp.BitsNotSet, unix.CLONE_THREAD), bits(seccomp.BitsSet, namespaces)),
		// Signals to others, by ownership of a descriptor.
		refuse("fcntl", other(1, unix.F_DUPFD_CLOEXEC, unix.F_DUPFD, unix.F_GETFD, unix.F_SETFD, unix.F_GETFL, unix.F_SETFL,
			unix.F_GETLK, unix.F_SETLK, unix.F_SETLKW, unix.F_OFD_GETLK, unix.F_OFD_SETLK, unix.F_OFD_SETLKW, unix.F_ADD_SEALS, unix.F_GET_SEALS)),
		// Words put into the user's mouth. The kernel reads 32 bits of the request.
		refuse("ioctl", seccomp.ArgumentConditions{equal(1, unix.TIOCSTI)}, seccomp.ArgumentConditions{equal(1, tiocLinux)},
			seccomp.ArgumentConditions{{Argument: 1, Operation: seccomp.GreaterThan, Value: math.MaxUint32}}),
		// The runtime names threads and memory; another filter may be loaded.
		refuse("prctl", other(0, unix.PR_SET_NAME, unix.PR_SET_VMA, unix.PR_SET_NO_NEW_PRIVS)),
	)
	if p.sockets != noSockets {
		list = append(list, refuse("socket", p.sockets.refused()...))
	}
	return append(list, p.whole())
}

// namespaces are the flags of clone that make them.
const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// tiocLinux is TIOCLINUX (ioctl_tty(2)): it pastes into consoles.
const tiocLinux = 0x541c

// bits is a condition on the flags in the first argument.
func bits(op seccomp.Operation, flags uint64) seccomp.ArgumentConditions {
	return seccomp.ArgumentConditions{{Argument: 0, Operation: op, Value: flags}}
}

// equal is the condition that an argument, counted from 0, is a value.
func equal(argument uint32, value uint64) seccomp.Condition {
	return seccomp.Condition{Argument: argument, Operation: seccomp.Equal, Value: value}
}

// other is the condition that an argument, counted from 0, is none of some values.
func other(argument uint32, values ...uint64) (all seccomp.ArgumentConditions) {
	for _, v := range values {
		all = append(all, seccomp.Condition{Argument: argument, Operation: seccomp.NotEqual, Value: v})
	}
	return all
}

// refuse refuses a call if any of the conditions holds.
func refuse(call string, when ...seccomp.ArgumentConditions) seccomp.Policy {
	g := seccomp.SyscallGroup{Action: seccomp.ActionErrno}
	for _, conditions := range when {
		g.NamesWithCondtions = append(g.NamesWithCondtions, seccomp.NameWithConditions{Name: call, Conditions: conditions})
	}
	return seccomp.Policy{DefaultAction: seccomp.ActionAllow, Syscalls: []seccomp.SyscallGroup{g}}
}

// refused are the conditions on which no socket is made. TCP and UDP are there by
// their usual protocol, which multipath TCP is not, and not raw.
func (s sockets) refused() []seccomp.ArgumentConditions {
	families := []uint64{unix.AF_INET, unix.AF_INET6}
	if s == anySockets || s == proxySockets {
		families = append(families, unix.AF_UNIX)
	}
	streams := withFlags(unix.SOCK_STREAM)
	kinds := slices.Concat(streams, withFlags(unix.SOCK_DGRAM))
	when := []seccomp.ArgumentConditions{other(0, families...), other(1, kinds...), other(2, 0, unix.IPPROTO_TCP, unix.IPPROTO_UDP)}
	if s == proxySockets {
		when = append(when, append(other(1, streams...), equal(0, unix.AF_UNIX)))
	}
	return when
}

// withFlags are the ways to ask for a kind of socket.
func withFlags(kind uint64) (list []uint64) {
	for _, flags := range []uint64{0, unix.SOCK_CLOEXEC, unix.SOCK_NONBLOCK, unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK} {
		list = append(list, kind|flags)
	}
	return list
}

// unknown is the answer of a kernel that does not have a call: the C library then
// makes threads by clone, whose flags a filter can see.
const unknown = seccomp.ActionErrno | seccomp.Action(unix.ENOSYS)

// whole judges calls by their name alone. Those that the table does not know are
// refused: newer ones, and whatever comes by the gate of another architecture, such
// as the 32-bit one of amd64, where numbers mean something else.
func (p Profile) whole() seccomp.Policy {
	refused := p.refused
	if p.sockets == noSockets {
		refused = slices.Concat(refused, []string{"bind", "connect", "listen", "socket", "socketpair"})
	}
	allowed := p.only
	if allowed == nil {
		allowed = every()
	}
	allowed = slices.DeleteFunc(slices.Clone(allowed), func(call string) bool { return call == "clone3" || slices.Contains(refused, call) })
	return seccomp.Policy{DefaultAction: seccomp.ActionErrno, Syscalls: []seccomp.SyscallGroup{
		{Names: known([]string{"clone3"}), Action: unknown},
		{Names: known(allowed), Action: seccomp.ActionAllow},
	}}
}

// every lists the calls of the machine's architecture.
func every() []string {
	machine, err := arch.GetInfo("")
	if err != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(machine.SyscallNames))
}

// sealed judges calls of a process that is sealed.
func sealed() seccomp.Policy {
	return seccomp.Policy{DefaultAction: seccomp.ActionAllow, Syscalls: []seccomp.SyscallGroup{
		{Names: known(sealedCalls), Action: seccomp.ActionErrno},
	}}
}

// known are the system calls that the machine's architecture has.
func known(calls []string) (there []string) {
	machine, err := arch.GetInfo("")
	if err != nil {
		return nil
	}
	for _, call := range calls {
		if _, ok := machine.SyscallNames[call]; ok {
			there = append(there, call)
		}
	}
	return there
}

// load puts filters in force for all threads, for good.
func load(policies ...seccomp.Policy) error {
	// The bit that lets a process without privileges load a filter belongs to a
	// thread; the kernel gives it to the others with the filter.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, policy := range policies {
		if err := seccomp.LoadFilter(seccomp.Filter{NoNewPrivs: true, Flag: seccomp.FilterFlagTSync, Policy: policy}); err != nil {
			return fmt.Errorf("seccomp: %w", err)
		}
	}
	return nil
}
