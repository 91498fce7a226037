package sandbox

import "slices"

// runtimeCalls are what Go's runtime and the C library do to live: memory, threads,
// time, signals. Some are allowed with some arguments only: see filters.
var runtimeCalls = []string{
	"arch_prctl", "brk", "clone", "clock_getres", "clock_gettime", "clock_nanosleep", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait",
	"eventfd2", "exit", "exit_group", "futex", "getcpu", "getpid", "getppid", "getrandom", "gettid", "gettimeofday", "getuid", "geteuid", "getgid", "getegid",
	"madvise", "membarrier", "mincore", "mmap", "mprotect", "mremap", "munmap", "nanosleep", "pipe2", "prctl", "prlimit64", "restart_syscall", "rseq",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "sched_getaffinity", "sched_yield", "seccomp", "set_robust_list", "set_tid_address",
	"kill", "sigaltstack", "sysinfo", "tgkill", "time", "timer_create", "timer_delete", "timer_settime", "uname",
}

// descriptorCalls are what is done with descriptors that are there.
var descriptorCalls = []string{
	"close", "dup", "dup3", "fcntl", "fstat", "lseek", "poll", "ppoll", "pread64", "pwrite64", "read", "readv", "write", "writev",
	"getpeername", "getsockname", "getsockopt", "recvfrom", "recvmmsg", "recvmsg", "setsockopt",
}

// workerCalls are all that a worker does: it takes the connections that come. sendto and
// sendmsg could connect one of the listeners that it inherited (TCP Fast Open).
var workerCalls = slices.Concat(runtimeCalls, descriptorCalls, []string{"accept", "accept4"})

// diallerCalls are all that a dialler does: it makes connections.
var diallerCalls = slices.Concat(runtimeCalls, descriptorCalls, []string{
	"connect", "sendmmsg", "sendmsg", "sendto", "socket",
	// For the files of the resolver: which, is for Landlock to say.
	"fstatat", "newfstatat", "openat", "statx",
})

// sealedCalls are what a worker that holds its peer has no more use for.
var sealedCalls = []string{"accept", "accept4"}

// hostileCalls are what no part does, and who has taken over one may want: other
// programs, other processes' memory, the kernel's less travelled ways.
var hostileCalls = []string{
	"execve", "execveat", "fork", "vfork",
	"rt_sigqueueinfo", "rt_tgsigqueueinfo", "tkill",
	"kcmp", "pidfd_getfd", "pidfd_send_signal", "process_madvise", "process_mrelease", "process_vm_readv", "process_vm_writev", "ptrace",
	"bpf", "io_uring_enter", "io_uring_register", "io_uring_setup", "perf_event_open", "userfaultfd",
	"add_key", "keyctl", "request_key",
	"chroot", "fsconfig", "fsmount", "fsopen", "fspick", "mount", "mount_setattr", "move_mount", "open_tree", "pivot_root", "setns", "umount2", "unshare",
	"capset", "personality", "setfsgid", "setfsuid", "setgid", "setgroups", "setregid", "setresgid", "setresuid", "setreuid", "setuid",
	"acct", "adjtimex", "clock_adjtime", "clock_settime", "delete_module", "finit_module", "init_module", "ioperm", "iopl", "kexec_file_load", "kexec_load",
	"lookup_dcookie", "mknod", "mknodat", "modify_ldt", "name_to_handle_at", "open_by_handle_at", "quotactl", "reboot", "setdomainname", "sethostname",
	"settimeofday", "swapoff", "swapon", "syslog", "vhangup",
	// What Landlock leaves open: whose a file is and who may read it, its times and
	// attributes, its size by its name; and the news of what others do with it.
	"chmod", "chown", "fanotify_init", "fanotify_mark", "fchmodat", "fchmodat2", "fchown", "fchownat", "futimesat", "inotify_add_watch", "lchown",
	"lremovexattr", "lsetxattr", "removexattr", "removexattrat", "setxattr", "setxattrat", "truncate", "utime", "utimensat", "utimes",
}

// farCalls could connect a listener that was inherited (TCP Fast Open).
var farCalls = []string{"sendmmsg", "sendmsg", "sendto"}
