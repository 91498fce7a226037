package zmqpub

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
)

// Endpoint returns the ZeroMQ form of an address as users give it: "unix:"
// stands for "ipc://".
func Endpoint(address string) string {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return "ipc://" + path
	}
	return address
}

// Listen opens the listener of an endpoint: tcp://HOST:PORT, where HOST may
// be "*", or ipc://PATH. A stale socket file at PATH is replaced.
func Listen(ctx context.Context, endpoint string) (net.Listener, error) {
	var cfg net.ListenConfig
	if host, ok := strings.CutPrefix(endpoint, "tcp://"); ok {
		if port, ok := strings.CutPrefix(host, "*:"); ok {
			return cfg.Listen(ctx, "tcp4", "0.0.0.0:"+port)
		}
		return cfg.Listen(ctx, "tcp", host)
	}
	path, ok := strings.CutPrefix(endpoint, "ipc://")
	if !ok {
		return nil, fmt.Errorf("unknown transport in address %q", endpoint)
	}
	info, err := os.Lstat(path)
	if err == nil && info.Mode().Type() == fs.ModeSocket {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return cfg.Listen(ctx, "unix", path)
}
