package multipart

// Frames is embedded in a request, reply or event type that carries raw
// frames beside its body. The bytes are not copied on their way: who sends them
// must not change them afterwards, who receives them owns them.
type Frames struct {
	Attached [][]byte `cbor:"-"`
}

// One returns Frames with one frame.
func One(raw []byte) Frames { return Frames{Attached: [][]byte{raw}} }

// First returns the first frame, nil if there is none.
func (f *Frames) First() []byte {
	if len(f.Attached) == 0 {
		return nil
	}
	return f.Attached[0]
}

// AttachedFrames lets the bus reach the frames of a type that embeds them.
func (f *Frames) AttachedFrames() *[][]byte { return &f.Attached }
