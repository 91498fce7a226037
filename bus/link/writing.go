package link

// maxBuffers is how many pieces of memory one system call is given.
const maxBuffers = 64

// patience is how many times a sender writes for others before it leaves the
// rest to the writer.
const patience = 4

// flush writes what is queued as far as the connection takes it at once; the
// rest is left to the writer. Only the goroutine that has claimed the writing calls it.
func (o *outbox) flush() {
	for range patience {
		buffers := o.take()
		if buffers == nil {
			return
		}
		if o.t.try == nil {
			break
		}
		n, err := o.t.try(buffers)
		if !o.advance(n, err) {
			return
		}
		if err == errWouldBlock {
			break
		}
	}
	o.handOver()
}

// handOver leaves the claim to write to the writer.
func (o *outbox) handOver() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.writers.Go(o.write)
	}
}

// write is the writer: it waits for the connection until the queue is empty.
func (o *outbox) write() {
	for {
		buffers := o.take()
		if buffers == nil {
			return
		}
		n, err := o.t.write(buffers)
		if !o.advance(n, err) {
			return
		}
	}
}

// take returns the memory to write next. If there is none, the claim to write
// ends.
func (o *outbox) take() [][]byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.backlog.bytes == 0 || o.closed {
		o.writing = false
		return nil
	}
	o.buffers = o.buffers[:0]
	for _, s := range o.backlog.segments[:min(len(o.backlog.segments), maxBuffers)] {
		if len(s.data) > 0 {
			o.buffers = append(o.buffers, s.data)
		}
	}
	return o.buffers
}

// advance removes n bytes that have been written and reports whether to go on.
func (o *outbox) advance(n int, err error) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed && err == nil {
		err = ErrClosed
	}
	o.messages -= o.backlog.advance(n)
	if o.room != nil {
		close(o.room)
		o.room = nil
	}
	if err == nil || err == errWouldBlock {
		return true
	}
	if o.failed == nil && err != ErrClosed {
		o.failed = err
	}
	o.t.Close() // unblocks the reader
	return false
}
