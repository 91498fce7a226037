package session

// heldQueue holds messages that were received and not processed yet.
type heldQueue struct {
	messages []Message
	head     int
	bytes    int
}

func (q *heldQueue) len() int { return len(q.messages) - q.head }

func (q *heldQueue) first() *Message { return &q.messages[q.head] }

// messageCost is what a held message is counted with besides its payload.
const messageCost = 128

func (q *heldQueue) push(m Message) {
	if q.head == len(q.messages) {
		q.messages, q.head = q.messages[:0], 0
	}
	q.messages = append(q.messages, m)
	q.bytes += len(m.Payload) + messageCost
}

func (q *heldQueue) pop() Message {
	m := q.messages[q.head]
	q.messages[q.head] = Message{}
	q.head++
	q.bytes -= len(m.Payload) + messageCost
	if q.head > 64 && q.head > len(q.messages)/2 {
		q.messages = append(q.messages[:0], q.messages[q.head:]...)
		q.head = 0
	}
	return m
}
