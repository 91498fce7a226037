package manager

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
)

// messageType is how many bytes a message's type has in a file and on the wire.
const messageType = 12

// captureMessage serves CaptureMessage. Workers may open no files.
func (m *manager) captureMessage(ctx context.Context, req p2p.CaptureMessageRequest) (bus.None, error) {
	m.mu.Lock()
	p, known := m.peerOf(ctx, req.Peer)
	m.mu.Unlock()
	if !m.cfg.Capture || !known || len(req.Attached) != 1 || len(req.Type) > messageType {
		return bus.None{}, bus.Errorf(bus.KindBadMessage, "nothing to keep of peer=%d", req.Peer)
	}
	return bus.None{}, keepMessage(filepath.Join(m.cfg.CaptureFolder(), captureName(p.Name)), req)
}

// captureName is a folder's for a connection: Bitcoin Core's, of nothing but what is in
// addresses and names of hosts.
func captureName(peer string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', strings.ContainsRune("[]-", r), r == '.':
			return r
		}
		return '_'
	}, strings.TrimLeft(peer, "."))
}

// keepMessage appends a message to the file of its direction: the time in microseconds
// of Unix time in 8 bytes, the type in 12, the length in 4, little-endian, and the
// payload (Bitcoin Core's contrib/message-capture).
func keepMessage(folder string, req p2p.CaptureMessageRequest) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	name := "msgs_sent.dat"
	if req.Received {
		name = "msgs_recv.dat"
	}
	f, err := os.OpenFile(filepath.Join(folder, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	payload := req.Attached[0]
	record := binary.LittleEndian.AppendUint64(nil, uint64(req.Micros))
	record = append(append(record, req.Type...), make([]byte, messageType-len(req.Type))...)
	record = append(binary.LittleEndian.AppendUint32(record, uint32(len(payload))), payload...)
	_, err = f.Write(record)
	return err
}
