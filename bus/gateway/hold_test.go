package gateway

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// asked sends a call and returns a channel for its answer.
func (f *fixture) asked(ctx context.Context, method string) <-chan string {
	answer := make(chan string, 1)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url, strings.NewReader(`{"jsonrpc":"2.0","method":"`+method+`","id":1}`))
	require.NoError(f.t, err)
	request.SetBasicAuth("joe", "secret")
	go func() {
		var text strings.Builder
		reply, err := http.DefaultClient.Do(request)
		if err == nil {
			err = errors.Join(reply.Write(&text), reply.Body.Close())
		}
		if err != nil {
			text.WriteString(err.Error())
		}
		answer <- text.String()
	}()
	return answer
}

// The death of a part is a pause for who only reads, and for who asks while another
// starts.
func TestCallsWaitForAPartThatIsRestarted(t *testing.T) {
	f := newFixture(t, Config{Hold: time.Minute})
	f.startNode()
	answer := f.asked(t.Context(), "waitforhold")
	<-f.held
	f.stop()
	require.Error(t, <-f.outcomes)
	late := f.asked(t.Context(), "fail")
	f.startNode()
	<-f.held
	close(f.hold)
	require.Contains(t, <-answer, `"result":"held"`)
	require.Contains(t, <-late, "no <good>")
}

func TestCallsDoNotWaitForEver(t *testing.T) {
	f := newFixture(t, Config{Hold: 20 * time.Millisecond})
	f.startNode()
	answer := f.asked(t.Context(), "waitforhold")
	<-f.held
	f.stop()
	require.Contains(t, <-answer, `"code":-28,"message":"The compartment that serves waitforhold is restarting"`)
}

// What was asked for is done although the client has left; what only reads is given up.
func TestACallOutlivesItsClient(t *testing.T) {
	f := newFixture(t, Config{})
	f.startNode()
	for _, method := range []string{"hold", "waitforhold"} {
		ctx, leave := context.WithCancel(t.Context())
		answer := f.asked(ctx, method)
		<-f.held
		leave()
		require.Contains(t, <-answer, "context canceled")
		if method == "hold" {
			// Another call shows that the gateway has heard of the end of the connection.
			require.Contains(t, <-f.asked(t.Context(), "getblockcount"), `"result":7`)
			close(f.hold)
			require.NoError(t, <-f.outcomes)
			f.hold = make(chan struct{})
		} else {
			require.Error(t, <-f.outcomes)
		}
	}
}

// A client that has left may have asked again: what has not begun for it is not begun.
func TestNothingIsBegunForAClientThatHasLeft(t *testing.T) {
	f := newFixture(t, Config{Hold: time.Minute, Threads: 1})
	f.startNode()
	require.Contains(t, <-f.asked(t.Context(), "getblockcount"), `"result":7`)
	f.stop()
	ctx, leave := context.WithCancel(t.Context())
	absent := f.asked(ctx, "hold")
	leave()
	require.Contains(t, <-absent, "context canceled")
	f.startNode()
	require.Contains(t, <-f.asked(t.Context(), "getblockcount"), `"result":7`)

	// Nor for one that waited for its turn.
	first := f.asked(t.Context(), "hold")
	<-f.held
	ctx, leave = context.WithCancel(t.Context())
	second := f.asked(ctx, "hold")
	leave()
	require.Contains(t, <-second, "context canceled")
	close(f.hold)
	require.Contains(t, <-first, `"result":"held"`)
	require.Contains(t, <-f.asked(t.Context(), "getblockcount"), `"result":7`)
	require.Empty(t, f.held, "one has begun")
}
