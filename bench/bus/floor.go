package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// bareSockets is what this kernel charges any broker: bytes that cross two
// unix sockets and a process between them, with blocking system calls and a
// thread for each direction, and nothing else done to them.
func bareSockets() system {
	return system{
		name: "bare sockets", note: "no messages and no routing: a process between two unix sockets copies bytes with blocking system calls, " +
			"so this is the floor for anything that passes through a process; one thread in the client",
		floor:  true,
		broker: floorRelay, server: floorEcho, client: floorClient,
	}
}

func floorRelay(ctx context.Context, s spec, ready func()) error {
	front, err := floorListen(s, endFront)
	if err != nil {
		return err
	}
	back, err := floorListen(s, endBack)
	if err != nil {
		return err
	}
	ready()
	server, err := back.accept(ctx)
	if err != nil {
		return err
	}
	client, err := front.accept(ctx)
	if err != nil {
		return errors.Join(err, server.Close())
	}
	return floorCopy(ctx, []*os.File{client, server}, [][2]*os.File{{client, server}, {server, client}})
}

func floorEcho(ctx context.Context, s spec, ready func()) error {
	f, err := floorDial(s, endBack)
	if err != nil {
		return err
	}
	ready()
	return floorCopy(ctx, []*os.File{f}, [][2]*os.File{{f, f}})
}

// floorCopy copies from the first to the second of each pair until ctx ends
// or a peer leaves.
func floorCopy(ctx context.Context, all []*os.File, pairs [][2]*os.File) error {
	var group errgroup.Group
	for _, pair := range pairs {
		from, to := int(pair[0].Fd()), int(pair[1].Fd())
		group.Go(func() error { return floorPump(from, to) })
	}
	stop := context.AfterFunc(ctx, func() { floorShut(all) })
	defer stop()
	err := group.Wait()
	for _, f := range all {
		err = errors.Join(err, f.Close())
	}
	return err
}

func floorShut(files []*os.File) {
	for _, f := range files {
		// A peer that has left is shut already.
		_ = unix.Shutdown(int(f.Fd()), unix.SHUT_RDWR)
	}
}

func floorPump(from, to int) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	buf := make([]byte, 64<<10)
	for {
		n, err := unix.Read(from, buf)
		if err == unix.EINTR {
			continue
		}
		if n <= 0 || err != nil {
			// The end of one side is the end of the other.
			_ = unix.Shutdown(to, unix.SHUT_RDWR)
			return nil
		}
		if err := floorWrite(to, buf[:n]); err != nil {
			return nil
		}
	}
}

func floorWrite(fd int, p []byte) error {
	for len(p) > 0 {
		n, err := unix.Write(fd, p)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// floorListener is a socket on which one peer is expected.
type floorListener struct{ l *net.UnixListener }

func floorListen(s spec, end string) (floorListener, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(s.Dir, end)})
	return floorListener{l}, err
}

func (f floorListener) accept(ctx context.Context) (*os.File, error) {
	stop := context.AfterFunc(ctx, func() { f.l.Close() })
	defer stop()
	defer f.l.Close()
	nc, err := f.l.AcceptUnix()
	if err != nil {
		return nil, err
	}
	return blocking(nc)
}

func floorDial(s spec, end string) (*os.File, error) {
	nc, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: filepath.Join(s.Dir, end)})
	if err != nil {
		return nil, err
	}
	return blocking(nc)
}

// blocking turns a connection into a file whose reads block their thread.
func blocking(nc *net.UnixConn) (*os.File, error) {
	f, err := nc.File()
	if err := errors.Join(err, nc.Close()); err != nil {
		return nil, err
	}
	return f, unix.SetNonblock(int(f.Fd()), false)
}

// floorPipe is the client's socket.
type floorPipe struct {
	f   *os.File
	buf []byte
}

func floorClient(_ context.Context, s spec) (client, error) {
	f, err := floorDial(s, endFront)
	if err != nil {
		return nil, err
	}
	return &floorPipe{f: f, buf: make([]byte, smallBody)}, nil
}

func (p *floorPipe) load(_ context.Context, l load) (timing, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return pipelined(p, l)
}

func (p *floorPipe) send(body []byte) error { return floorWrite(int(p.f.Fd()), body) }

func (p *floorPipe) receive() ([]byte, error) {
	for n := 0; n < len(p.buf); {
		got, err := unix.Read(int(p.f.Fd()), p.buf[n:])
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return nil, err
		case got == 0:
			return nil, io.ErrUnexpectedEOF
		}
		n += got
	}
	return p.buf, nil
}

func (p *floorPipe) close() error { return p.f.Close() }
