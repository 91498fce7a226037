package manager

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/internal/multipart"
)

// TestMessagesAreKept of those connections that the worker has, in a folder for each.
func TestMessagesAreKept(t *testing.T) {
	s := newShip(t, Config{Capture: true})
	w := s.worker("worker.1", 0)
	id := w.accept("[2a00:1450::1]:5")
	keep := func(peer int64, kind string, received bool, payload ...byte) error {
		_, err := msg.CaptureMessage.Call(t.Context(), w.conn, p2p.CaptureMessageRequest{
			Peer: peer, Type: kind, Received: received, Micros: 7, Frames: multipart.One(payload)})
		return err
	}
	require.NoError(t, keep(id, "ping", true, 1, 2, 3))
	require.NoError(t, keep(id, "verack", true))
	require.NoError(t, keep(id, "pong", false, 9))
	require.Error(t, keep(id+1, "ping", true))
	require.Error(t, keep(id, "thirteenbytes", true))
	folder := filepath.Join(s.cfg.DataDir, "message_capture", "[2a00_1450__1]_5")
	raw, err := os.ReadFile(filepath.Join(folder, "msgs_recv.dat"))
	require.NoError(t, err)
	require.Len(t, raw, 24+3+24)
	require.EqualValues(t, 7, binary.LittleEndian.Uint64(raw))
	require.Equal(t, "ping\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x01\x02\x03", string(raw[8:27]))
	raw, err = os.ReadFile(filepath.Join(folder, "msgs_sent.dat"))
	require.NoError(t, err)
	require.Len(t, raw, 25)

	other := newShip(t, Config{})
	v := other.worker("worker.1", 0)
	_, err = msg.CaptureMessage.Call(t.Context(), v.conn, p2p.CaptureMessageRequest{Peer: v.accept("1.2.3.4:5"), Frames: multipart.One(nil)})
	require.Error(t, err, "nobody asked for it")
	require.Equal(t, "_.._.._etc_passwd", captureName("../../../etc/passwd"), "one folder")
}
