package supervise

import (
	"errors"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// forker starts processes on one thread, which must outlive them: see the
// package documentation.
type forker struct{ jobs chan func() }

func (f *forker) run(done <-chan struct{}) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		select {
		case job := <-f.jobs:
			job()
		case <-done:
			return
		}
	}
}

func (f *forker) do(job func() error) error {
	result := make(chan error, 1)
	f.jobs <- func() { result <- job() }
	return <-result
}

// fork starts a compartment's process and returns it with the reading end of
// its standard error.
//
// The descriptors of the listeners are passed as numbers. os/exec would ask
// for them as files, which sets the sockets to blocking, and with them those
// of all other processes that share them: a worker that waits in accept could
// then not be stopped any more.
func (s *Supervisor) fork(spec Spec, link, bootPipe *os.File) (*os.Process, *os.File, error) {
	words, stderr, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer stderr.Close()
	process, err := s.forkWith(spec, stderr, link, bootPipe)
	if err != nil {
		words.Close()
	}
	return process, words, err
}

func (s *Supervisor) forkWith(spec Spec, stderr, link, bootPipe *os.File) (*os.Process, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	stdout := null
	if s.cfg.Log.Config().Console {
		stdout = os.Stdout
	}
	listeners, err := descriptors(spec.Listeners)
	defer closeDescriptors(listeners)
	if err != nil {
		return nil, err
	}
	files := append([]uintptr{
		null.Fd(), stdout.Fd(), stderr.Fd(), link.Fd(), bootPipe.Fd(), s.cfg.LogFile.Fd(),
	}, listeners...)
	pid := 0
	err = s.forker.do(func() (err error) {
		pid, err = syscall.ForkExec(s.cfg.Executable, titled(string(spec.Role), spec.Instance), &syscall.ProcAttr{
			Env: os.Environ(), Files: files,
			Sys: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true},
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return os.FindProcess(pid)
}

// descriptors duplicates those of listeners, without touching their mode.
func descriptors(listeners []Socket) (fds []uintptr, err error) {
	for _, l := range listeners {
		raw, err := l.SyscallConn()
		if err != nil {
			return fds, err
		}
		var fd int
		var failed error
		err = raw.Control(func(original uintptr) {
			fd, failed = unix.FcntlInt(original, unix.F_DUPFD_CLOEXEC, 0)
		})
		if err = errors.Join(err, failed); err != nil {
			return fds, err
		}
		fds = append(fds, uintptr(fd))
	}
	return fds, nil
}

func closeDescriptors(fds []uintptr) {
	for _, fd := range fds {
		unix.Close(int(fd))
	}
}
