package child

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// response is one line of a child's output: the first is its hello, every
// other answers a command.
type response struct {
	Value json.RawMessage
	Error string
}

// Is reports whether a program's arguments are those of a child.
func Is(args []string) bool { return len(args) == 2 && args[0] == argument }

// Spec stores what a child was told to be, of its arguments.
func Spec(args []string, spec any) error {
	if !Is(args) {
		return errors.New("not the arguments of a child")
	}
	if err := json.Unmarshal([]byte(args[1]), spec); err != nil {
		return fmt.Errorf("spec: %w", err)
	}
	return nil
}

// Obey is a child's side: it says hello and answers each command until the
// input ends. An error of answer is the answer.
func Obey[Command any](ctx context.Context, in io.Reader, out io.Writer, hello any, answer func(context.Context, Command) (any, error)) error {
	lines := json.NewEncoder(out)
	if err := lines.Encode(respond(hello, nil)); err != nil {
		return err
	}
	for commands := json.NewDecoder(in); ; {
		var c Command
		if err := commands.Decode(&c); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("command: %w", err)
		}
		if err := lines.Encode(respond(answer(ctx, c))); err != nil {
			return err
		}
	}
}

func respond(value any, err error) response {
	if err != nil {
		return response{Error: err.Error()}
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return response{Error: err.Error()}
	}
	return response{Value: raw}
}
