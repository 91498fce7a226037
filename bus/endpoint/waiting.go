package endpoint

import (
	"container/list"
	"net"
	"sync"
)

// connection is one that was accepted.
type connection struct {
	nc     *liveConn
	remote string
	place  *list.Element // nil once it has left the waiting room
	// crowded: it was dropped to make room.
	crowded bool
}

// waitingRoom holds the connections that have not authenticated, oldest first.
type waitingRoom struct {
	limit int
	mu    sync.Mutex
	queue list.List
}

func newWaitingRoom(limit int) *waitingRoom { return &waitingRoom{limit: limit} }

// enter adds a connection. If there is no room, the oldest is dropped.
func (w *waitingRoom) enter(nc net.Conn) *connection {
	c := &connection{nc: newLiveConn(nc), remote: remoteText(nc)}
	var oldest *connection
	w.mu.Lock()
	if w.queue.Len() >= w.limit {
		oldest = w.queue.Remove(w.queue.Front()).(*connection)
		oldest.place, oldest.crowded = nil, true
	}
	c.place = w.queue.PushBack(c)
	w.mu.Unlock()
	if oldest != nil {
		oldest.nc.Close()
	}
	return c
}

// leave takes a connection out and reports whether it had been dropped.
func (w *waitingRoom) leave(c *connection) (crowded bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.place != nil {
		w.queue.Remove(c.place)
		c.place = nil
	}
	return c.crowded
}

// remoteText names the other end: of a unix socket, where it has no name, by
// the socket.
func remoteText(nc net.Conn) string {
	if a := nc.RemoteAddr(); a.Network() != "unix" {
		return a.String()
	}
	return "unix:" + nc.LocalAddr().String()
}
