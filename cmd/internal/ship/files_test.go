package ship

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/broker"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
)

// lending is a lender on a bus, who gives to a node that keeps what it gets.
type lending struct {
	*lender
	t       *testing.T
	bus     *bustest.Bus
	gateway *bus.Conn
	got     map[uint64]*os.File
}

func newLending(t *testing.T) *lending {
	l := &lending{t: t, bus: bustest.NewWith(t, broker.Config{Table: partRights()}), got: map[uint64]*os.File{}}
	s := &ship{broker: l.bus.Broker}
	l.lender = &lender{dir: t.TempDir(), lent: map[uint64]loan{}, attached: s.onBus}
	l.give = func(instance string, f *os.File, number uint64) error {
		require.Equal(t, "node", instance)
		copied, err := unix.Dup(int(f.Fd()))
		l.got[number] = os.NewFile(uintptr(copied), "given")
		return err
	}
	mux := bus.NewMux()
	msg.OpenFile.Handle(mux, l.open)
	msg.CloseFile.Handle(mux, l.close)
	l.bus.Conn(roles.Supervisor, supervisorInstance, mux)
	l.gateway, _ = l.bus.Conn(roles.Gateway, "gateway", nil)
	return l
}

func (l *lending) ask(command, path string) (uint64, error) {
	reply, err := msg.OpenFile.Call(l.t.Context(), l.gateway, msg.OpenFileRequest{Command: command, Path: path})
	return reply.Number, err
}

func (l *lending) giveBack(conn *bus.Conn, number uint64, keep bool) error {
	_, err := msg.CloseFile.Call(l.t.Context(), conn, msg.CloseFileRequest{Number: number, Keep: keep})
	return err
}

func (l *lending) names() string {
	entries, err := os.ReadDir(l.dir)
	require.NoError(l.t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// TestAFileIsMade under another name until the command has succeeded; what one that
// failed has left is removed.
func TestAFileIsMade(t *testing.T) {
	l := newLending(t)
	number, err := l.ask("dumptxoutset", "set")
	require.NoError(t, err)
	require.Equal(t, "set.incomplete", l.names())
	_, err = l.ask("dumptxoutset", filepath.Join(l.dir, "x", "..", "set"))
	require.ErrorContains(t, err, "is being written", "by another command")
	_, err = l.got[number].WriteString("coins")
	require.NoError(t, err)
	require.NoError(t, l.giveBack(l.gateway, number, true))
	require.Equal(t, "set", l.names())
	raw, err := os.ReadFile(filepath.Join(l.dir, "set"))
	require.NoError(t, err)
	require.Equal(t, "coins", string(raw))

	_, err = l.ask("dumptxoutset", "set")
	require.ErrorContains(t, err, "file already exists")
	failed, err := l.ask("dumptxoutset", "other")
	require.NoError(t, err)
	require.NoError(t, l.giveBack(l.gateway, failed, false))
	require.Equal(t, "set", l.names())
	require.Error(t, l.giveBack(l.gateway, failed, false), "it was given back")
	_, err = l.ask("dumptxoutset", "absent/set")
	require.Error(t, err)
	require.Empty(t, l.lent)
}

// TestAFileIsReplaced whole or not at all, and none but the one of that name.
func TestAFileIsReplaced(t *testing.T) {
	l := newLending(t)
	require.NoError(t, os.WriteFile(filepath.Join(l.dir, "mempool.dat"), []byte("old"), 0o600))
	replace := func(text string, keep bool) string {
		number, err := l.ask("savemempool", "/etc/passwd")
		require.NoError(t, err)
		require.Equal(t, "mempool.dat mempool.dat.new", l.names())
		_, err = l.got[number].WriteString(text)
		require.NoError(t, err)
		require.NoError(t, l.giveBack(l.gateway, number, keep))
		require.Equal(t, "mempool.dat", l.names())
		raw, err := os.ReadFile(filepath.Join(l.dir, "mempool.dat"))
		require.NoError(t, err)
		return string(raw)
	}
	require.Equal(t, "old", replace("failed", false))
	require.Equal(t, "new", replace("new", true))
	number, err := l.lendOwn(t.Context(), "mempool.dat")
	require.NoError(t, err)
	_, err = l.ask("savemempool", "mempool.dat")
	require.ErrorContains(t, err, "is being written")
	require.NoError(t, l.end(number, true))
	require.Equal(t, "mempool.dat", l.names())
	require.Empty(t, l.lent)
	l.give = nil
	number, err = l.lendOwn(t.Context(), "mempool.dat")
	require.NoError(t, err)
	require.Zero(t, number, "the node opens it")
}

func TestAFileIsRead(t *testing.T) {
	l := newLending(t)
	require.NoError(t, os.WriteFile(filepath.Join(l.dir, "set"), []byte("coins"), 0o400))
	number, err := l.ask("loadtxoutset", "set")
	require.NoError(t, err)
	raw := make([]byte, 9)
	n, err := l.got[number].Read(raw)
	require.NoError(t, err)
	require.Equal(t, "coins", string(raw[:n]))
	_, err = l.got[number].Write(raw)
	require.Error(t, err)
	require.NoError(t, l.giveBack(l.gateway, number, true))
	require.Equal(t, "set", l.names())
	_, err = l.ask("loadtxoutset", "none")
	require.Error(t, err)
	require.Empty(t, l.lent)
}

// TestWhoGetsFiles: the user does, by the gateway, and for commands that use some.
func TestWhoGetsFiles(t *testing.T) {
	l := newLending(t)
	for _, command := range []string{"", "getblock", "stop"} {
		_, err := l.ask(command, "set")
		require.ErrorIs(t, err, &bus.Error{Kind: bus.KindBadMessage}, command)
	}
	node, _ := l.bus.Conn(roles.Node, "node", nil)
	_, err := msg.OpenFile.Call(t.Context(), node, msg.OpenFileRequest{Command: "loadtxoutset", Path: "set"})
	require.ErrorIs(t, err, bus.ErrDenied)
	other, leave := l.bus.Conn(roles.Gateway, "gateway.far", nil)
	number, err := l.ask("dumptxoutset", "set")
	require.NoError(t, err)
	require.ErrorIs(t, l.giveBack(other, number, false), &bus.Error{Kind: bus.KindBadMessage}, "it is another's")

	// What one that is gone had asked for is over.
	reply, err := msg.OpenFile.Call(t.Context(), other, msg.OpenFileRequest{Command: "dumptxoutset", Path: "far"})
	require.NoError(t, err)
	require.Contains(t, l.names(), "far.incomplete")
	leave()
	require.Eventually(t, func() bool {
		number, err := l.ask("dumptxoutset", "far")
		return err == nil && number != reply.Number
	}, time.Minute, time.Millisecond)

	l.give = func(string, *os.File, uint64) error { return errors.New("gone") }
	_, err = l.ask("dumptxoutset", "late")
	require.Error(t, err)
	require.NotContains(t, l.names(), "late")
	l.give = nil
	number, err = l.ask("dumptxoutset", "own")
	require.NoError(t, err)
	require.Zero(t, number, "in one process the part opens it itself")
}

// TestALoanEndsWithItsGateway, though the next one has the same name and asks for the
// same file.
func TestALoanEndsWithItsGateway(t *testing.T) {
	l := newLending(t)
	first, leave := l.bus.Conn(roles.Gateway, "gateway.far", nil)
	ask := func(conn *bus.Conn) (uint64, error) {
		reply, err := msg.OpenFile.Call(t.Context(), conn, msg.OpenFileRequest{Command: "dumptxoutset", Path: "set"})
		return reply.Number, err
	}
	number, err := ask(first)
	require.NoError(t, err)
	_, err = ask(first)
	require.ErrorContains(t, err, "is being written")
	leave()
	second, _ := l.bus.Conn(roles.Gateway, "gateway.far", nil)
	next, err := ask(second)
	require.NoError(t, err)
	require.NotEqual(t, number, next)
	require.Error(t, l.giveBack(second, number, true))
	require.NoError(t, l.giveBack(second, next, true))
	require.Equal(t, "set", l.names())
}

// TestPipesWaitForTheirOtherEnd, but not longer than who asked.
func TestPipesWaitForTheirOtherEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, unix.Mkfifo(path, 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, flags := range []int{os.O_RDONLY, os.O_WRONLY} {
		_, err := openPipe(ctx, path, flags)
		require.ErrorIs(t, err, context.Canceled)
	}
	opened := make(chan error, 1)
	go func() {
		f, err := openPipe(t.Context(), path, os.O_RDONLY)
		if err == nil {
			err = f.Close()
		}
		opened <- err
	}()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	require.NoError(t, <-opened)
	require.NoError(t, f.Close())
	require.NoError(t, os.Remove(path))
	_, err = openPipe(t.Context(), path, os.O_RDONLY)
	require.ErrorIs(t, err, fs.ErrNotExist)
}
